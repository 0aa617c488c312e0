package httpx

import (
	"crypto/tls"
	"errors"
	"os"
	"slices"
	"sync"
	"time"
)

// certLook is the least time between two checks of a certificate's files.
var certLook = 2 * time.Second

// notTLS is the response to a client that speaks HTTP without TLS to a server
// with TLS. net/http's server sends the same.
const notTLS = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"

// tlsConfig returns the configuration for TLS, nil to serve without TLS.
func (s *Server) tlsConfig() (*tls.Config, error) {
	if s.TLS == nil && s.CertFile == "" && s.KeyFile == "" {
		return nil, nil
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.TLS != nil {
		cfg = s.TLS.Clone()
		if cfg.MinVersion == 0 {
			cfg.MinVersion = tls.VersionTLS12
		}
	}
	if cfg.NextProtos == nil {
		cfg.NextProtos = []string{"h2", "http/1.1"}
	}
	if s.CertFile != "" || s.KeyFile != "" {
		files := &certFiles{cert: s.CertFile, key: s.KeyFile}
		if err := files.load(); err != nil {
			return nil, err
		}
		cfg.Certificates = nil
		cfg.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return files.get(func(err error) { s.log().Error("certificate not reloaded; the old one is still used", "err", err) })
		}
	}
	if len(cfg.Certificates) == 0 && cfg.GetCertificate == nil && cfg.GetConfigForClient == nil {
		return nil, errors.New("httpx: TLS needs a certificate: set Server.CertFile and KeyFile, or TLS.Certificates")
	}
	return cfg, nil
}

// certFiles is a certificate in files that may change.
type certFiles struct {
	cert, key string

	mu     sync.Mutex
	loaded *tls.Certificate
	seen   [2]fileState
	looked time.Time
}

// fileState identifies a version of a file.
type fileState struct {
	size int64
	mod  time.Time
}

// get returns the certificate, read again if its files have changed. If reading
// fails, the old one stays in use.
func (f *certFiles) get(failed func(error)) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.looked) < certLook {
		return f.loaded, nil
	}
	f.looked = time.Now()
	if now, err := f.states(); err != nil {
		failed(err)
	} else if !slices.Equal(now[:], f.seen[:]) {
		if err := f.loadLocked(); err != nil {
			failed(err)
		}
	}
	return f.loaded, nil
}

func (f *certFiles) load() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.loadLocked()
}

// loadLocked reads the files. It fails if they do not match, because they are
// being replaced, and is then called again later. The lock is held.
func (f *certFiles) loadLocked() error {
	// before reading, so that a change while reading causes another read
	states, err := f.states()
	if err != nil {
		return err
	}
	c, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return err
	}
	f.loaded, f.seen, f.looked = &c, states, time.Now()
	return nil
}

func (f *certFiles) states() (out [2]fileState, err error) {
	for i, name := range []string{f.cert, f.key} {
		info, err := os.Stat(name)
		if err != nil {
			return out, err
		}
		out[i] = fileState{info.Size(), info.ModTime()}
	}
	return out, nil
}
