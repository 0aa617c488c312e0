package main

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"sync"

	"goaio.example/aio/httpx"
)

// site serves pages that link to one another. Every tenth page fails when it is
// asked for the first time.
func site(pages int) http.Handler {
	var asked sync.Map
	mux := http.NewServeMux()
	mux.HandleFunc("GET /page/{n}", func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(r.PathValue("n"))
		if err != nil || n < 0 || n >= pages {
			http.NotFound(w, r)
			return
		}
		if _, again := asked.LoadOrStore(n, true); n%10 == 9 && !again {
			http.Error(w, "try again", http.StatusServiceUnavailable)
			return
		}
		for k := 3*n + 1; k <= 3*n+3 && k < pages; k++ {
			fmt.Fprintf(w, "<a href=\"/page/%d\">down</a>\n", k)
		}
		fmt.Fprintf(w, "<a href=\"/page/%d\">up</a>\n", n/3)
	})
	return mux
}

var href = regexp.MustCompile(`href="([^"]*)"`)

// links returns the URLs that a page links to.
func links(r *httpx.Response) (urls []string) {
	for _, m := range href.FindAllSubmatch(r.Body, -1) {
		if u, err := r.URL.Parse(string(m[1])); err == nil {
			urls = append(urls, u.String())
		}
	}
	return urls
}
