package main

import (
	"context"
	"os"
	"testing"

	"goaio.example/aio/aiotest"
)

func TestMain(m *testing.M) { aiotest.VerifyMain(m) }

func Example() {
	if err := run(context.Background(), os.Stdout); err != nil {
		panic(err)
	}
	// Output:
	// GET (client) 200
	//   GET /buy/{id} (server) 200
	//     look into the stock (internal)
	//       GET (client) 200
	//         GET /items/{id} (server) 200
	// GET (client) 502
	//   GET /buy/{id} (server) 502
	//     look into the stock (internal) exception "the stock says 500"
	//       GET (client) 500
	//         GET /items/{id} (server) 500 exception "aio: panic: no such item"
	// http.server.request.duration: 1 of /buy/{id}, status 200
	// http.server.request.duration: 1 of /buy/{id}, status 502
	// http.server.request.duration: 1 of /items/{id}, status 200
	// http.server.request.duration: 1 of /items/{id}, status 500
}
