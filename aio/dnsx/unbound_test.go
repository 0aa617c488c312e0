package dnsx_test

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// An unbound is a real server on loopback: the program of this name, which
// .ci/run installs where it can.
type unbound struct {
	dig              string // the program
	port, tls, https string // https is "" if it was built without
	trust            *x509.CertPool
}

// unboundZone is what it knows as an authoritative server, in a file;
// unboundLocal is its local-data.
const (
	unboundZone = `
$ORIGIN example.
@            3600 SOA   ns hostmaster 1 7200 900 1209600 60
@            3600 NS    ns
@            3600 CAA   0 issue "ca.example.net"
@            3600 CAA   128 iodef "mailto:security@example"
ns           3600 A     192.0.2.53
www          300  A     192.0.2.1
www          300  A     192.0.2.2
www          300  AAAA  2001:db8::1
alias        120  CNAME www
twice        120  CNAME alias
lost         120  CNAME nowhere
mail         3600 MX    10 mx1
mail         3600 MX    20 mx2.example.net.
text         3600 TXT   "one string"
text         3600 TXT   "v=1; " "in two parts"
_http._tcp   3600 SRV   10 20 80 www
_http._tcp   3600 SRV   20 0 8080 alias
svc          3600 HTTPS 1 . alpn=h2,h3 port=8443 ipv4hint=192.0.2.1,192.0.2.2 ipv6hint=2001:db8::1
svc          3600 SVCB  0 www
svc2         3600 SVCB  2 www mandatory=port port=53 no-default-alpn alpn=dot key65280=xyz
*.wild       3600 A     192.0.2.9
`
	unboundLocal = `
	local-zone: "example.net." static
	local-data: "example.net. 300 SOA ns.example.net. hostmaster.example.net. 1 7200 900 1209600 30"
	local-data: "host.example.net. 600 A 192.0.2.77"
	local-data: "text.example.net. 600 TXT 'local data'"
	local-zone: "2.0.192.in-addr.arpa." nodefault
	local-data: "1.2.0.192.in-addr.arpa. 300 PTR www.example."
`
)

// zoneFile is the zone with records for a name that do not fit into a packet.
func zoneFile() string {
	var b strings.Builder
	b.WriteString(unboundZone)
	for i := range 300 {
		fmt.Fprintf(&b, "many 300 A 198.51.%d.%d\n", 100+i/250, i%250)
	}
	return b.String()
}

// startUnbound starts the server, and ends it with the test. The test is
// skipped where the programs are missing.
func startUnbound(t *testing.T) *unbound {
	t.Helper()
	server, dig := program(t, "unbound"), program(t, "dig")
	version, err := exec.Command(server, "-V").Output()
	if err != nil {
		t.Skipf("unbound -V: %v", err)
	}
	doh := bytes.Contains(version, []byte("nghttp2"))
	dir := t.TempDir()
	trust := writeCertificate(t, dir)
	write(t, dir, "example.zone", zoneFile())
	const tries = 5 // another process may take a port before unbound does
	for i := range tries {
		u := &unbound{dig: dig, port: freePort(t), tls: freePort(t), trust: trust}
		if doh {
			u.https = freePort(t)
		}
		write(t, dir, "unbound.conf", u.config(dir))
		log, ok := run(t, exec.Command(server, "-d", "-c", filepath.Join(dir, "unbound.conf")))
		if ok {
			return u
		}
		if i == tries-1 || !strings.Contains(log, "in use") {
			t.Fatalf("unbound does not start:\n%s", log)
		}
	}
	return nil
}

// program finds a program, which may be in a folder for administrators.
func program(t *testing.T, name string) string {
	t.Helper()
	for _, path := range []string{name, "/usr/sbin/" + name, "/usr/local/sbin/" + name} {
		if found, err := exec.LookPath(path); err == nil {
			return found
		}
	}
	t.Skipf("%s is not installed (Debian has unbound and bind9-dnsutils)", name)
	return ""
}

// config is the server's configuration: no network but loopback, no other
// files, no other user.
func (u *unbound) config(dir string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `server:
	directory: %q
	chroot: ""
	username: ""
	pidfile: ""
	logfile: ""
	use-syslog: no
	do-daemonize: no
	verbosity: 1
	num-threads: 1
	do-ip6: no
	module-config: "iterator"
	minimal-responses: no
	access-control: 127.0.0.0/8 allow
	port: %s
	interface: 127.0.0.1@%[2]s
	tls-port: %s
	interface: 127.0.0.1@%[3]s
	tls-service-key: "key.pem"
	tls-service-pem: "cert.pem"
`, dir, u.port, u.tls)
	if u.https != "" {
		fmt.Fprintf(&b, "\thttps-port: %s\n\tinterface: 127.0.0.1@%[1]s\n", u.https)
	}
	b.WriteString(unboundLocal)
	b.WriteString(`
remote-control:
	control-enable: no
auth-zone:
	name: "example."
	zonefile: "example.zone"
	for-downstream: yes
	for-upstream: no
`)
	return b.String()
}

// run starts the server and waits until it serves. Else it returns what the
// server says of why it does not.
func run(t *testing.T, cmd *exec.Cmd) (log string, ok bool) {
	t.Helper()
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatalf("cmd.StderrPipe: %v", err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("cmd.Start: %v", err)
	}
	var b strings.Builder
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		fmt.Fprintln(&b, lines.Text())
		if strings.Contains(lines.Text(), "start of service") {
			drained := make(chan struct{})
			go func() {
				defer close(drained)
				_, _ = io.Copy(io.Discard, stderr)
			}()
			t.Cleanup(func() {
				_ = cmd.Process.Kill()
				<-drained
				_ = cmd.Wait() // it was killed
			})
			return "", true
		}
	}
	return fmt.Sprint(b.String(), cmd.Wait()), false
}

// write writes a file into the server's folder.
func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatalf("os.WriteFile: %v", err)
	}
}

// freePort returns a port of loopback that is free for TCP and UDP.
func freePort(t *testing.T) string {
	t.Helper()
	for {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatalf("net.Listen: %v", err)
		}
		port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
		c, err := net.ListenPacket("udp", "127.0.0.1:"+port)
		l.Close()
		if err == nil {
			c.Close()
			return port
		}
	}
}

// writeCertificate writes key.pem and cert.pem, for 127.0.0.1, and returns a
// pool that trusts them.
func writeCertificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatalf("ecdsa.GenerateKey: %v", err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"dns.example"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatalf("x509.CreateCertificate: %v", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatalf("x509.MarshalPKCS8PrivateKey: %v", err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	write(t, dir, "cert.pem", string(cert))
	write(t, dir, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(cert)
	return pool
}

// client is the TLS configuration of a client that trusts the server.
func (u *unbound) client() *tls.Config {
	return &tls.Config{RootCAs: u.trust, MinVersion: tls.VersionTLS12}
}
