module goaio.example/bench

go 1.26.0

replace (
	goaio.example => ../
	goaio.example/interop/otel => ../interop/otel
)

require (
	github.com/alitto/pond/v2 v2.7.1
	github.com/beanstalkd/go-beanstalk v0.2.0
	github.com/cloudwego/netpoll v0.7.2
	github.com/lesismal/llib v1.2.1
	github.com/lesismal/nbio v1.6.3
	github.com/miekg/dns v1.1.73
	github.com/panjf2000/gnet/v2 v2.9.1
	github.com/samber/mo v1.16.0
	github.com/sourcegraph/conc v0.3.0
	github.com/valyala/fasthttp v1.70.0
	go.opentelemetry.io/otel/sdk v1.47.0
	go.opentelemetry.io/otel/sdk/metric v1.47.0
	goaio.example v0.0.0
	goaio.example/interop/otel v0.0.0
	golang.org/x/crypto v0.58.0
	golang.org/x/sync v0.24.0
	golang.org/x/sys v0.49.0
)

require (
	github.com/andybalholm/brotli v1.2.1 // indirect
	github.com/bytedance/gopkg v0.1.1 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/cloudwego/gopkg v0.1.4 // indirect
	github.com/go-logr/logr v1.4.4 // indirect
	github.com/go-logr/stdr v1.2.2 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/klauspost/compress v1.18.5 // indirect
	github.com/panjf2000/ants/v2 v2.11.3 // indirect
	github.com/valyala/bytebufferpool v1.0.0 // indirect
	go.opentelemetry.io/auto/sdk v1.2.1 // indirect
	go.opentelemetry.io/otel v1.47.0 // indirect
	go.opentelemetry.io/otel/log v1.47.0 // indirect
	go.opentelemetry.io/otel/metric v1.47.0 // indirect
	go.opentelemetry.io/otel/trace v1.47.0 // indirect
	go.uber.org/multierr v1.11.0 // indirect
	go.uber.org/zap v1.27.0 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	gopkg.in/natefinch/lumberjack.v2 v2.2.1 // indirect
)
