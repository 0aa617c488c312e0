// Lookup looks names up, all at the same time, and prints each as soon as its
// answer is there.
//
//	go run ./examples/lookup [-server ADDR] [-timeout 10s] [NAME...]
//
// It shows dnsx.Lookup, which is cl-async's dns-lookup, and aio.AsCompleted.
// ADDR is a DNS server: "192.0.2.53", "tls://dns.example@192.0.2.53",
// "https://dns.example/dns-query", or "system" for what the system is
// configured to ask. Without it the program asks a small server of its own,
// which knows the names below, and needs no network.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest/dnsserver"
	"goaio.example/aio/dnsx"
)

// zone is what the program's own server knows: of all other names, that they do
// not exist.
const zone = `
	$ORIGIN example.
	www    300  A      192.0.2.1
	www    300  AAAA   2001:db8::1
	mail   60   CNAME  www
	slow        A      192.0.2.9
`

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "lookup:", err)
		os.Exit(1)
	}
}

// run looks up the names given as arguments.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("lookup", flag.ExitOnError)
	addr := flags.String("server", "", "the DNS server to ask; \"system\": the system's; empty: one of the program's own")
	timeout := flags.Duration("timeout", 10*time.Second, "how long a lookup may take")
	_ = flags.Parse(args) // exits on an error
	names := flags.Args()
	if len(names) == 0 {
		names = []string{"slow.example", "www.example", "mail.example", "nowhere.example", "localhost", "::1"}
	}

	resolver := &dnsx.Resolver{Timeout: *timeout}
	switch *addr {
	case "system": // what a zero Resolver asks
	case "":
		server := &dnsserver.Server{Zone: zone}
		server.SetFault(dnsserver.Match{Name: "slow.example"}, dnsserver.Fault{Delay: 300 * time.Millisecond})
		if err := server.Start(); err != nil {
			return err
		}
		defer server.Close()
		resolver.Servers = []string{server.Addr()}
	default:
		resolver.Servers = []string{*addr}
	}
	return aio.Run(ctx, func(ctx context.Context) error { return lookUp(ctx, resolver, names, stdout) })
}

// lookUp looks all names up, and fails if none of them could be.
func lookUp(ctx context.Context, r *dnsx.Resolver, names []string, stdout io.Writer) error {
	var all []*aio.Future[dnsx.Answer]
	for _, name := range names {
		all = append(all, r.Lookup(ctx, name))
	}
	found := 0
	for i, res := range aio.AsCompleted(ctx, all...) {
		switch a, err := res.Value, res.Err; {
		case i < 0:
			return err // ctx has ended
		case err != nil:
			fmt.Fprintln(stdout, explain(names[i], err))
		default:
			found++
			fmt.Fprintf(stdout, "%s: %v (%v, TTL %v)\n", a.Host, a.Addrs, a.Source, a.TTL.Round(time.Second))
		}
	}
	if found == 0 {
		return errors.New("nothing was found")
	}
	return nil
}

// explain says what an error means.
func explain(name string, err error) string {
	e, ok := errors.AsType[*dnsx.Error](err)
	if ok && e.Kind == dnsx.KindNotFound {
		return name + ": there is no such name, or it has no address"
	}
	return err.Error() // it has the name
}
