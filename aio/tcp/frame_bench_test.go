package tcp_test

import (
	"bytes"
	"fmt"
	"io"
	"iter"
	"strings"
	"testing"

	"goaio.example/aio/tcp"
)

func benchmarkFrames(b *testing.B, data []byte, seq func(r io.Reader) iter.Seq2[[]byte, error]) {
	r := bytes.NewReader(nil)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		r.Reset(data)
		for _, err := range seq(r) {
			if err != nil {
				b.Fatalf("reading a frame: %v", err)
			}
		}
	}
}

func BenchmarkLines(b *testing.B) {
	data := bytes.Repeat([]byte(strings.Repeat("x", 60)+"\r\n"), 1000)
	benchmarkFrames(b, data, linesFraming(100).seq)
}

func BenchmarkDelimited(b *testing.B) {
	data := bytes.Repeat([]byte(strings.Repeat("x", 60)+"--"), 1000)
	benchmarkFrames(b, data, delimitedFraming([]byte("--"), 100).seq)
}

func BenchmarkLengthPrefixed(b *testing.B) {
	for _, n := range []int{60, 64 << 10} {
		frame, _ := tcp.AppendLengthPrefixed(nil, 4, make([]byte, n))
		data := bytes.Repeat(frame, max(1, 64<<10/n))
		b.Run(fmt.Sprint(n), func(b *testing.B) { benchmarkFrames(b, data, prefixedFraming(4, n).seq) })
	}
}
