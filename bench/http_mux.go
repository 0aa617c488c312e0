package main

import (
	"net/http"

	"github.com/valyala/fasthttp/fasthttpadaptor"
)

// routes are what an http.ServeMux has to tell apart, each with a path.
// fasthttp, which has no router, takes the mux through its adaptor.
var routes = []struct{ pattern, path string }{
	{"GET /{$}", "/"},
	{"GET /about", "/about"},
	{"GET /login", "/login"},
	{"POST /login", "/login"},
	{"GET /users", "/users"},
	{"GET /users/{user}", "/users/4711"},
	{"PUT /users/{user}", "/users/4711"},
	{"GET /users/{user}/posts", "/users/4711/posts"},
	{"GET /users/{user}/posts/{post}", "/users/4711/posts/42"},
	{"GET /users/{user}/posts/{post}/comments", "/users/4711/posts/42/comments"},
	{"GET /users/{user}/posts/{post}/comments/{comment}", "/users/4711/posts/42/comments/7"},
	{"GET /orgs/{org}", "/orgs/goaio"},
	{"GET /orgs/{org}/teams", "/orgs/goaio/teams"},
	{"GET /orgs/{org}/teams/{team}", "/orgs/goaio/teams/core"},
	{"DELETE /orgs/{org}/teams/{team}", "/orgs/goaio/teams/core"},
	{"GET /search", "/search?q=routes"},
	{"GET /feed", "/feed"},
	{"GET /api/v1/status", "/api/v1/status"},
	{"GET /static/{file...}", "/static/css/site/main.css"},
	{"GET /files/{bucket}/{name...}", "/files/images/2026/11/a.png"},
}

func muxOptions() (httpOptions, error) {
	mux := routeMux()
	return httpOptions{handler: mux, fast: fasthttpadaptor.NewFastHTTPHandler(mux)}, nil
}

func routeMux() *http.ServeMux {
	mux := http.NewServeMux()
	for _, route := range routes {
		mux.HandleFunc(route.pattern, func(w http.ResponseWriter, r *http.Request) {
			_ = r.PathValue("user") // as a handler would
			hello.write(w)
		})
	}
	return mux
}

// routeRequests are a GET for each route, whatever its method.
func routeRequests() (requests [][]byte) {
	for _, route := range routes {
		requests = append(requests, httpRequest(route.path))
	}
	return requests
}
