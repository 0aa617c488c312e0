module goaio.example/examples/wsidle

go 1.26.0

require (
	github.com/gobwas/ws v1.5.0
	go.uber.org/goleak v1.3.0
	goaio.example v0.0.0
)

require (
	github.com/gobwas/httphead v0.1.0 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)

replace goaio.example => ../..
