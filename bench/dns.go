package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync/atomic"

	"github.com/miekg/dns"

	"goaio.example/aio"
	"goaio.example/aio/dnsx"
)

// DNS clients, each in a separate process, that look up addresses (IPv4 only)
// by the server whose address is the role's parameter: other names all the
// time, or the same name, which only ours remembers.

var dnsPeers = []string{"net.Resolver", "goaio", "miekg/dns"}

const dnsWorkers = 64

func init() {
	for _, kind := range []string{"uncached", "cached"} {
		name := dnsNames(kind == "cached")
		add := func(peer string, role func(c *control, workers int, name func() string) error) {
			roles["dns "+kind+" "+peer] = func(c *control) error {
				return role(c, map[string]int{"uncached": dnsWorkers, "cached": 1}[kind], name)
			}
		}
		add("net.Resolver", netDNS)
		add("goaio", goaioDNS)
		add("miekg/dns", miekgDNS)
	}
}

// dnsNames returns a function that returns the names to look up.
func dnsNames(same bool) func() string {
	var n atomic.Int64
	return func() string {
		if same {
			return "www.example."
		}
		return fmt.Sprintf("n%d.example.", n.Add(1))
	}
}

func netDNS(c *control, workers int, name func() string) error {
	r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, parameter())
	}}
	return c.workAtOnce(workers, func() error {
		addrs, err := r.LookupNetIP(context.Background(), "ip4", name())
		return found(len(addrs), err)
	})
}

func goaioDNS(c *control, workers int, name func() string) error {
	r := &dnsx.Resolver{Servers: []string{parameter()}, HostsFile: os.DevNull}
	return aio.Run(context.Background(), func(ctx context.Context) error {
		return c.workAtOnce(workers, func() error {
			a, err := r.LookupFamily(ctx, name(), dnsx.V4).Await(ctx)
			return found(len(a.Addrs), err)
		})
	})
}

// miekgDNS makes a socket for each query, as the others do, so that the port
// cannot be guessed.
func miekgDNS(c *control, workers int, name func() string) error {
	client := new(dns.Client)
	return c.workAtOnce(workers, func() error {
		m := new(dns.Msg).SetQuestion(name(), dns.TypeA)
		reply, _, err := client.Exchange(m, parameter())
		if err != nil {
			return err
		}
		return found(len(reply.Answer), nil)
	})
}

// found checks that there was one address.
func found(n int, err error) error {
	if err == nil && n != 1 {
		return fmt.Errorf("%d addresses", n)
	}
	return err
}

func measureDNS(r *report) error {
	server, err := startRole("dns server")
	if err != nil {
		return err
	}
	defer server.stop()
	env := withParameter(server.addr)
	uncached := fmt.Sprintf("lookups of new names, %d at once", dnsWorkers)
	if err := compareWork(r, uncached, "dns uncached", dnsPeers, times(dnsWorkers*pick(r.settings, 50, 2)), env); err != nil {
		return err
	}
	n := func(peer string) int {
		if peer == "goaio" {
			// which it takes to see anything
			return pick(r.settings, 100_000, 1000)
		}
		return pick(r.settings, 1000, 50)
	}
	return compareWork(r, "lookups of one name, one at a time", "dns cached", dnsPeers, n, env)
}
