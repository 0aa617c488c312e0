package httpx_test

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
)

// upload is a form with a field and a file of n bytes, in a request's text.
func upload(n int) string {
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	m.SetBoundary("boundary")
	m.WriteField("field", "value")
	f, _ := m.CreateFormFile("file", "name.txt") // a bytes.Buffer does not fail
	f.Write(bytes.Repeat([]byte("f"), n))
	m.Close()
	return fmt.Sprintf("POST /?field=query HTTP/1.1\r\nHost: h\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", m.FormDataContentType(), b.Len(), &b)
}

// filled is a request with a form in its body.
func filled(form string) string {
	return fmt.Sprintf("POST /?a=query&c=d HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", len(form), form)
}

var formContracts = []contract{{
	name: "ParseForm",
	serve: func(s *side, _ http.ResponseWriter, r *http.Request) {
		s.served("ParseForm: %v", r.ParseForm())
		s.served("%v, %v, %q", r.Form, r.PostForm, r.FormValue("a"))
		s.readAll(r.Body)
	},
	send: []string{filled("a=b&a=c+d&e=%26"), filled("a=%zz"), filled(""), getPath("/?a=b;c")},
}, {
	name: "ParseForm of a chunked body",
	serve: func(s *side, _ http.ResponseWriter, r *http.Request) {
		s.served("ParseForm: %v, %v", r.ParseForm(), r.Form)
	},
	send: []string{"POST / HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n2\r\n&c\r\n0\r\n\r\n"},
}, {
	name: "ParseMultipartForm",
	serve: func(s *side, _ http.ResponseWriter, r *http.Request) {
		s.served("ParseMultipartForm: %v", r.ParseMultipartForm(1<<20))
		s.served("%v, %v, %v", r.Form, r.PostForm, r.MultipartForm.Value)
		f, h, err := r.FormFile("file")
		if err != nil {
			s.served("FormFile: %v", err)
			return
		}
		s.served("%q, %d, %v", h.Filename, h.Size, h.Header)
		s.readAll(f)
		_, _, err = r.FormFile("none")
		s.served("FormFile: %v", err)
	},
	send: []string{upload(10)},
}, {
	name: "ParseMultipartForm of none",
	serve: func(s *side, _ http.ResponseWriter, r *http.Request) {
		s.served("ParseMultipartForm: %v", r.ParseMultipartForm(1<<20))
	},
	send: []string{get11, post11("abcde")},
}, {
	name: "files are removed",
	serve: func(s *side, w http.ResponseWriter, r *http.Request) {
		s.served("ParseMultipartForm: %v", r.ParseMultipartForm(10))
		f, _, err := r.FormFile("file")
		if err != nil {
			s.served("FormFile: %v", err)
			return
		}
		defer f.Close()
		file, ok := f.(*os.File)
		s.served("a file: %v", ok)
		_, err = os.Stat(file.Name())
		s.served("is there: %v", err == nil)
		w.Header().Set("X-Name", file.Name())
	},
	visit: func(s *side) {
		p := s.dial()
		p.say(upload(10000))
		m := p.head()
		p.probe() // answered when the request is over
		for _, line := range m.lines {
			if name, ok := strings.CutPrefix(line, "X-Name: "); ok {
				_, err := os.Stat(name)
				s.saw("is there: %v", err == nil)
			}
		}
	},
}, {
	name: "MultipartReader",
	serve: func(s *side, _ http.ResponseWriter, r *http.Request) {
		mr, err := r.MultipartReader()
		if err != nil {
			s.served("MultipartReader: %v", err)
			return
		}
		for {
			part, err := mr.NextPart()
			if err != nil {
				s.served("NextPart: %v", err)
				break
			}
			s.served("%q %q", part.FormName(), part.FileName())
			s.readAll(part)
		}
		s.served("ParseMultipartForm: %v", r.ParseMultipartForm(10))
	},
	send: []string{upload(100000), upload(10), get11},
}, {
	name: "form in a body that is too large",
	serve: func(s *side, w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(struct{ http.ResponseWriter }{w}, r.Body, 10)
		s.served("ParseForm: %v", r.ParseForm())
		s.served("PostFormValue: %q", r.PostFormValue("a"))
	},
	send: []string{filled("a=" + strings.Repeat("b", 100))},
}, {
	name: "multipart answered by net/http's client",
	serve: func(s *side, w http.ResponseWriter, r *http.Request) {
		s.served("%q", r.FormValue("a"))
		m := multipart.NewWriter(w)
		m.SetBoundary("boundary")
		w.Header().Set("Content-Type", m.FormDataContentType())
		m.WriteField("a", "b")
		m.Close()
	},
	visit: func(s *side) {
		s.do(s.web(), s.request("POST", "/", strings.NewReader("a=b"), "Content-Type: application/x-www-form-urlencoded"))
	},
}}
