package httpx_test

import (
	"bytes"
	"context"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// A form's files, which a handler need not remove, are gone when the request is
// over.
func TestServerRemovesFormFiles(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir) // of Windows
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseMultipartForm(1 << 10); err != nil {
			t.Errorf("r.ParseMultipartForm: %v", err)
		}
		files, err := os.ReadDir(dir)
		if len(files) != 1 {
			t.Errorf("files while it is handled: %v, %v", files, err)
		}
	})
	serve(t, &httpx.Server{Handler: h}, func(addr string) {
		var form bytes.Buffer
		m := multipart.NewWriter(&form)
		part, err := m.CreateFormFile("file", "a")
		if err != nil {
			t.Fatalf("m.CreateFormFile: %v", err)
		}
		part.Write(make([]byte, 1<<20))
		m.Close()
		resp, err := http.Post("http://"+addr+"/", m.FormDataContentType(), &form)
		if err != nil {
			t.Fatalf("http.Post: %v", err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	if files, err := os.ReadDir(dir); len(files) > 0 {
		t.Errorf("files left: %v, %v", files, err)
	}
}

// What a handler does to its request does not touch how the operation is named,
// and a request's ctx has net/http's values.
func TestServerHandlerMayChangeRequest(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Method, r.URL, r.RemoteAddr = "", nil, ""
		if a, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); !ok || a.String() == "" {
			t.Errorf("local address: %v", a)
		}
		if _, ok := r.Context().Value(http.ServerContextKey).(*http.Server); !ok {
			t.Error("the ctx has no server")
		}
		for i := range aio.LoopOf(r.Context()).Ops() {
			if i.Kind.String() == "http.request.in" && i.Name != "GET /a" {
				t.Errorf("name %q", i.Name)
			}
		}
	})
	for _, h2 := range []bool{false, true} {
		s := &httpx.Server{Handler: h, H2C: h2}
		aiotest.Run(t, func(ctx context.Context) error {
			if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
				return err
			}
			tr := &http.Transport{Protocols: new(http.Protocols)}
			tr.Protocols.SetHTTP1(!h2)
			tr.Protocols.SetUnencryptedHTTP2(h2)
			defer tr.CloseIdleConnections()
			if status, _ := get(t, &http.Client{Transport: tr}, "http://"+s.Addr().String()+"/a"); status != 200 {
				t.Errorf("status %d", status)
			}
			aio.LoopOf(ctx).Exit(nil)
			return nil
		})
	}
}
