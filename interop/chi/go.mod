module goaio.example/interop/chi

go 1.26.0

require (
	github.com/go-chi/chi/v5 v5.5.0
	goaio.example v0.0.0
)

require (
	go.uber.org/goleak v1.3.0 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)

replace goaio.example => ../..
