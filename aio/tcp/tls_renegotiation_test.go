package tcp_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// TestRenegotiation checks that a connection of TLS 1.2 in handler style fails
// at once, rather than hang, if its server renegotiates and its configuration
// allows that.
func TestRenegotiation(t *testing.T) {
	s := startOpenSSL(t)
	d := tcp.Dialer{TLS: &tls.Config{
		InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, Renegotiation: tls.RenegotiateFreelyAsClient,
	}}
	aiotest.Run(t, func(ctx context.Context) error {
		failed := make(chan error, 1)
		_, err := d.Send(ctx, s.addr, nil, tcp.Handler{
			Data:  func(_ *tcp.Conn, data []byte) { t.Errorf("data: %q, want none", data) },
			Event: func(_ *tcp.Conn, err error) { failed <- err },
		}).Await(ctx)
		if err != nil {
			return err
		}
		s.renegotiate(t)
		if err := soon(t, failed); !strings.Contains(err.Error(), "TLS renegotiation needs a connection in stream style") {
			t.Errorf("event: got %v, want an error that names renegotiation", err)
		}
		return nil
	})
}

// openSSL is a TLS server for one client, by the openssl program.
type openSSL struct {
	addr string
	in   io.Writer
}

// startOpenSSL starts a server of TLS 1.2. It skips the test where openssl is
// missing.
func startOpenSSL(t *testing.T) *openSSL {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("note: openssl is not there, so no server renegotiates")
	}
	cert := selfSigned(t)
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatalf("x509.MarshalPKCS8PrivateKey: %v", err)
	}
	both := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
	file := filepath.Join(t.TempDir(), "cert.pem")
	if err := os.WriteFile(file, both, 0o600); err != nil {
		t.Fatalf("os.WriteFile: %v", err)
	}
	cmd := exec.Command(path, "s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-cert", file, "-tls1_2")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatalf("cmd.StdinPipe: %v", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("cmd.StdoutPipe: %v", err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("cmd.Start: %v", err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait() // fails: it was killed
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if addr, ok := strings.CutPrefix(lines.Text(), "ACCEPT "); ok {
			return &openSSL{addr, in}
		}
	}
	t.Skipf("note: openssl does not say where it listens (%v), so no server renegotiates", lines.Err())
	return nil
}

// renegotiate begins another handshake.
func (s *openSSL) renegotiate(t *testing.T) {
	t.Helper()
	if _, err := io.WriteString(s.in, "R\n"); err != nil {
		t.Fatalf("write to openssl: %v", err)
	}
}
