package tcp_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"goaio.example/aio/tcp"
)

func ExampleLines() {
	r := strings.NewReader("HELO\r\nQUIT\r\n")
	for line, err := range tcp.Lines(r, 512) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s\n", line)
	}
	// Output:
	// HELO
	// QUIT
}

func ExampleLines_tooLong() {
	for line, err := range tcp.Lines(strings.NewReader("a\nabcdef\n"), 4) {
		if errors.Is(err, tcp.ErrFrameTooLong) {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s\n", line)
	}
	// Output:
	// a
	// tcp: frame too long: the maximum is 4 bytes
}

func ExampleDelimited() {
	r := strings.NewReader("one\x00two\x00")
	for frame, err := range tcp.Delimited(r, []byte{0}, 64) {
		fmt.Printf("%s %v\n", frame, err)
	}
	// Output:
	// one <nil>
	// two <nil>
}

func ExampleLengthPrefixed() {
	var stream []byte
	for _, s := range []string{"hello", "world"} {
		var err error
		if stream, err = tcp.AppendLengthPrefixed(stream, 2, []byte(s)); err != nil {
			fmt.Println(err)
			return
		}
	}
	for frame, err := range tcp.LengthPrefixed(bytes.NewReader(stream), 2, 1<<10) {
		fmt.Printf("%s %v\n", frame, err)
	}
	// Output:
	// hello <nil>
	// world <nil>
}

func ExampleAppendLengthPrefixed() {
	frame, err := tcp.AppendLengthPrefixed(nil, 4, []byte("hi"))
	fmt.Printf("%q %v\n", frame, err)
	// Output:
	// "\x00\x00\x00\x02hi" <nil>
}
