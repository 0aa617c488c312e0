package memnet_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"

	"goaio.example/aio/internal/memnet"
)

func Example() {
	var n memnet.Network
	l, err := n.Listen("db.internal:5432")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()

	c, err := n.DialContext(context.Background(), "tcp", "db.internal:5432")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Fprint(c, "hello")
	c.Close()

	s, err := l.Accept()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	got, err := io.ReadAll(s)
	fmt.Printf("%s: %q, %v\n", s.LocalAddr(), got, err)
	// Output: db.internal:5432: "hello", <nil>
}

// Run the code under test with a fault in each place, until there are no more
// places.
func ExampleFaulty() {
	greet := func(w io.Writer) error {
		for _, s := range []string{"good ", "morning"} {
			if _, err := io.WriteString(w, s); err != nil {
				return err
			}
		}
		return nil
	}
	for k := 1; ; k++ {
		a, b := memnet.Pipe()
		f := memnet.Faulty(a, memnet.Plan{FailWrite: k, Err: syscall.EPIPE})
		err := greet(f)
		fmt.Println(k, f.Writes(), errors.Is(err, syscall.EPIPE))
		f.Close()
		b.Close()
		if !f.Fired() {
			break
		}
	}
	// Output:
	// 1 1 true
	// 2 2 true
	// 3 2 false
}
