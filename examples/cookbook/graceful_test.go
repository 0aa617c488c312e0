package cookbook_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"syscall"

	"goaio.example/aio"
	"goaio.example/aio/httpx"
)

// serve serves until SIGTERM or Ctrl-C. A POST to /jobs starts a job, which
// goes on after the request is answered. serve calls up when the server is
// listening.
func serve(ctx context.Context, log *slog.Logger,
	job func(context.Context) error, up func(context.Context, *httpx.Server),
) error {
	slots := make(chan struct{}, 8) // for jobs
	mux := http.NewServeMux()
	mux.HandleFunc("POST /jobs", func(w http.ResponseWriter, r *http.Request) {
		select {
		case slots <- struct{}{}:
		default:
			http.Error(w, "too many jobs", http.StatusServiceUnavailable)
			return
		}
		aio.Spawn(aio.Detach(r.Context()), "job", func(ctx context.Context) error {
			defer func() { <-slots }()
			return job(ctx)
		})
		w.WriteHeader(http.StatusAccepted)
	})
	mux.HandleFunc("POST /bug", func(http.ResponseWriter, *http.Request) { panic("a bug") })
	loop := &aio.Loop{
		Logger: log,
		// a panic ends a request or a job, not the program
		CatchPanics: true,
		OnEvent:     aio.LogEvents, // no error ends the program
		Signals:     []os.Signal{os.Interrupt, syscall.SIGTERM},
	}
	return loop.Run(ctx, func(ctx context.Context) error {
		server := &httpx.Server{Handler: mux, ReadyPath: "/readyz"}
		if err := server.Start(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
		up(ctx, server)
		return nil // the server holds the loop open
	})
}

func Example_gracefulServer() {
	began, finish := make(chan struct{}), make(chan struct{})
	job := func(ctx context.Context) error {
		close(began)
		<-finish
		fmt.Println("job: its ctx is", ctx.Err())
		return nil
	}
	err := serve(context.Background(), slog.New(slog.DiscardHandler), job, func(ctx context.Context, s *httpx.Server) {
		for _, path := range []string{"/bug", "/jobs"} {
			resp, err := httpx.Post(ctx, "http://"+s.Addr().String()+path, "text/plain", nil).Await(ctx)
			if err != nil {
				fmt.Println(err)
				return
			}
			fmt.Println(path, resp.Status)
		}
		<-began
		self, err := os.FindProcess(os.Getpid())
		if err != nil {
			fmt.Println(err)
			return
		}
		defer self.Release()
		if err := self.Signal(syscall.SIGTERM); err != nil {
			fmt.Println(err)
		}
		<-aio.Draining(ctx)
		fmt.Println("draining")
		close(finish)
	})
	fmt.Println("ended with", err)
	// Output:
	// /bug 500
	// /jobs 202
	// draining
	// job: its ctx is <nil>
	// ended with <nil>
}
