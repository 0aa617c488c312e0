package dnsserver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"time"
)

// certificate is a self-signed certificate.
type certificate struct {
	pair tls.Certificate
	pool *x509.CertPool
}

// certificate returns the server's certificate. The first call makes it.
func (s *Server) certificate() *certificate {
	s.certOnce.Do(func() {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			// crypto/rand does not fail
			panic(fmt.Sprintf("dnsserver: no key: %v", err))
		}
		t := s.template()
		der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
		if err != nil {
			panic(fmt.Sprintf("dnsserver: no certificate for the names %q: %v", s.Names, err))
		}
		leaf, err := x509.ParseCertificate(der)
		if err != nil {
			panic(fmt.Sprintf("dnsserver: no certificate for the names %q: %v", s.Names, err))
		}
		s.cert.pair = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
		s.cert.pool = x509.NewCertPool()
		s.cert.pool.AddCert(leaf)
	})
	return &s.cert
}

// template returns the contents of the certificate. It is valid at all times
// that tests use, including those in synctest bubbles.
func (s *Server) template() *x509.Certificate {
	t := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "goaio test DNS server"},
		NotBefore:             time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:              time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	for _, name := range append([]string{"localhost", "dns.example", "127.0.0.1", "::1", s.Host}, s.Names...) {
		if ip := net.ParseIP(name); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else if name != "" {
			t.DNSNames = append(t.DNSNames, name)
		}
	}
	return t
}

// ClientTLS returns a configuration for a client that trusts the server's
// certificate only. The caller may change it.
func (s *Server) ClientTLS() *tls.Config {
	return &tls.Config{RootCAs: s.certificate().pool, MinVersion: tls.VersionTLS12}
}

func (s *Server) serverTLS() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{s.certificate().pair}, MinVersion: tls.VersionTLS12}
}

// newTLSListener is tls.NewListener for HTTP/1.1 and HTTP/2.
func newTLSListener(l net.Listener, cfg *tls.Config) net.Listener {
	cfg.NextProtos = []string{"h2", "http/1.1"}
	return tls.NewListener(l, cfg)
}
