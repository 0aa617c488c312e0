package main

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"

	"golang.org/x/crypto/chacha20poly1305"
)

// A load speaks TLS 1.3 without reading any: a connection's handshake is
// crypto/tls's, whose key the load then takes to encrypt its requests. Answers
// it counts, encrypted as they are. The server must send no session tickets.

// tlsSocket is a socket as crypto/tls wants it, which counts what is read.
type tlsSocket struct {
	net.Conn // nil: nothing else is called
	socket   socket
	got      int
}

func (s *tlsSocket) Write(b []byte) (int, error) { return s.socket.Write(b) }

func (s *tlsSocket) Read(b []byte) (int, error) {
	n, err := s.socket.Read(b)
	s.got += n
	return n, err
}

// handshake makes a client of a socket, and returns what seals its requests.
func handshake(fd int) (*tls.Conn, *tlsSocket, *sealer, error) {
	var log bytes.Buffer
	s := &tlsSocket{socket: socket(fd)}
	c := tls.Client(s, &tls.Config{
		// it is loopback, and a certificate of the moment
		InsecureSkipVerify: true,
		MinVersion:         tls.VersionTLS13,
		KeyLogWriter:       &log,
	})
	if err := c.Handshake(); err != nil {
		return nil, nil, nil, fmt.Errorf("handshake: %w", err)
	}
	seal, err := newSealer(log.Bytes(), c.ConnectionState().CipherSuite)
	return c, s, seal, err
}

// sealer makes records of TLS 1.3 (RFC 8446, section 5).
type sealer struct {
	aead cipher.AEAD
	iv   [12]byte
	seq  uint64
	buf  []byte
}

// newSealer takes the client's secret from the lines of a key log.
func newSealer(log []byte, suite uint16) (*sealer, error) {
	_, rest, _ := bytes.Cut(log, []byte("CLIENT_TRAFFIC_SECRET_0 "))
	fields := bytes.Fields(rest)
	if len(fields) < 2 {
		return nil, errors.New("there is no secret in the key log")
	}
	secret, err := hex.DecodeString(string(fields[1]))
	if err != nil {
		return nil, err
	}
	iv, err := expand(secret, "iv", 12)
	if err != nil {
		return nil, err
	}
	s := &sealer{iv: [12]byte(iv)}
	s.aead, err = newAEAD(secret, suite)
	return s, err
}

// newAEAD returns the cipher of a suite. nbio takes ChaCha20, the others AES.
func newAEAD(secret []byte, suite uint16) (cipher.AEAD, error) {
	switch suite {
	case tls.TLS_CHACHA20_POLY1305_SHA256:
		key, err := expand(secret, "key", chacha20poly1305.KeySize)
		if err != nil {
			return nil, err
		}
		return chacha20poly1305.New(key)
	case tls.TLS_AES_128_GCM_SHA256:
		key, err := expand(secret, "key", 16)
		if err != nil {
			return nil, err
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		return cipher.NewGCM(block)
	}
	return nil, fmt.Errorf("the server has chosen %s", tls.CipherSuiteName(suite))
}

// expand is HKDF-Expand-Label (RFC 8446, section 7.1).
func expand(secret []byte, label string, n int) ([]byte, error) {
	label = "tls13 " + label
	info := binary.BigEndian.AppendUint16(nil, uint16(n))
	info = append(append(info, byte(len(label))), label...)
	return hkdf.Expand(sha256.New, secret, string(append(info, 0)), n)
}

// seal returns a record with data, of 16 KiB at most. It is valid until the
// next call.
func (s *sealer) seal(data []byte) []byte {
	const applicationData = 23
	n := len(data) + 1 + s.aead.Overhead()
	s.buf = append(s.buf[:0], applicationData, 3, 3, byte(n>>8), byte(n))
	header := s.buf[:5:5]
	s.buf = append(append(s.buf, data...), applicationData)
	nonce := s.iv
	binary.BigEndian.PutUint64(nonce[4:], binary.BigEndian.Uint64(nonce[4:])^s.seq)
	s.seq++
	s.buf = s.aead.Seal(s.buf[:5], nonce[:], s.buf[5:], header)
	return s.buf
}
