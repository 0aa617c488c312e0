package main

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
)

// browserFields are the fields that a browser sends in addition to Host: ten
// fields.
const browserFields = "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n" +
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n" +
	"Accept-Language: en-US,en;q=0.5\r\n" +
	"Accept-Encoding: gzip, deflate, br\r\n" +
	"Connection: keep-alive\r\n" +
	"Referer: https://localhost/index.html\r\n" +
	"Cookie: session=0123456789abcdef0123456789abcdef\r\n" +
	"Upgrade-Insecure-Requests: 1\r\n" +
	"Sec-Fetch-Mode: navigate\r\n" +
	"Cache-Control: max-age=0\r\n"

// posted is how long the body of a POST is.
const posted = 4096

// httpRequest is what a client sends.
func httpRequest(path string) []byte { return httpGet(path, "") }

// httpGet is a GET with more fields than Host.
func httpGet(path, fields string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", path, fields)
}

// httpPost returns a POST, and where its body begins.
func httpPost(path string) (request []byte, body int) {
	header := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: localhost\r\n"+
		"Content-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n", path, posted)
	return append(header, bytes.Repeat([]byte("x"), posted)...), len(header)
}

// httpAnswer asks once, and returns how long the answer is in all. That is
// always the same, as a Date is.
func httpAnswer(conn io.ReadWriter, request []byte) (int, error) {
	if _, err := conn.Write(request); err != nil {
		return 0, fmt.Errorf("write: %w", err)
	}
	var got []byte
	buf := make([]byte, 16<<10)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return 0, fmt.Errorf("read: %w", err)
		}
		got = append(got, buf[:n]...)
		header, body, found := bytes.Cut(got, []byte("\r\n\r\n"))
		if !found {
			continue
		}
		length, err := contentLength(header)
		if err != nil || len(body) >= length {
			return len(header) + 4 + length, err
		}
	}
}

func contentLength(header []byte) (int, error) {
	if !bytes.HasPrefix(header, []byte("HTTP/1.1 200 ")) {
		return 0, fmt.Errorf("the answer is %q", header)
	}
	_, rest, _ := bytes.Cut(bytes.ToLower(header), []byte("\r\ncontent-length:"))
	line, _, _ := bytes.Cut(rest, []byte("\r\n"))
	return strconv.Atoi(string(bytes.TrimSpace(line)))
}
