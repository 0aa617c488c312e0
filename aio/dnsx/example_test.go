package dnsx_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"

	"goaio.example/aio"
	"goaio.example/aio/aiotest/dnsserver"
	"goaio.example/aio/dnsx"
)

// offline runs main with a resolver that asks a server in memory.
func offline(main func(ctx context.Context, r *dnsx.Resolver) error) {
	server := &dnsserver.Server{Zone: `
		$TTL 300
		example.com.     MX    20 backup.example.com.
		example.com.     MX    10 mail.example.com.
		www.example.com. CNAME host.example.com.
		host.example.com. A    192.0.2.1
		host.example.com. AAAA 2001:db8::1
		1.2.0.192.in-addr.arpa. PTR host.example.com.
	`}
	defer server.Close()
	r := &dnsx.Resolver{Servers: []string{"192.0.2.53"}, Dial: server.Dial, HostsFile: os.DevNull}
	if err := aio.Run(context.Background(), func(ctx context.Context) error { return main(ctx, r) }); err != nil {
		fmt.Println(err)
	}
}

// cl-async's dns-lookup with a literal: the answer is there at once.
func ExampleLookup() {
	aio.Run(context.Background(), func(ctx context.Context) error {
		f := dnsx.Lookup(ctx, "192.0.2.7")
		a, err := f.Result() // needs no waiting
		fmt.Println(a.Addrs, a.Source, err)
		return nil
	})
	// Output: [192.0.2.7] literal <nil>
}

// cl-async's dns-lookup with a family.
func ExampleResolver_LookupFamily() {
	offline(func(ctx context.Context, r *dnsx.Resolver) error {
		for _, family := range []dnsx.Family{dnsx.V4, dnsx.V6, dnsx.PreferV4} {
			a, err := r.LookupFamily(ctx, "www.example.com", family).Await(ctx)
			if err != nil {
				return err
			}
			fmt.Println(family, a.Addrs, "is", a.CNAME)
		}
		return nil
	})
	// Output:
	// ipv4 [192.0.2.1] is host.example.com
	// ipv6 [2001:db8::1] is host.example.com
	// prefer ipv4 [192.0.2.1 2001:db8::1] is host.example.com
}

// Many lookups at once, in the order in which they end.
func ExampleResolver_Lookup() {
	offline(func(ctx context.Context, r *dnsx.Resolver) error {
		hosts := []string{"www.example.com", "host.example.com"}
		var lookups []*aio.Future[dnsx.Answer]
		for _, h := range hosts {
			lookups = append(lookups, r.Lookup(ctx, h))
		}
		for i, res := range aio.AsCompleted(ctx, lookups...) {
			fmt.Println(hosts[i], len(res.Value.Addrs), "addresses", res.Err)
		}
		return nil
	})
	// Unordered output:
	// www.example.com 2 addresses <nil>
	// host.example.com 2 addresses <nil>
}

func ExampleQueryWith() {
	offline(func(ctx context.Context, r *dnsx.Resolver) error {
		mail, err := dnsx.QueryWith[dnsx.MX](ctx, r, "example.com").Await(ctx)
		if err != nil {
			return err
		}
		for _, mx := range mail.Records {
			fmt.Println(mx.Preference, mx.Host)
		}
		return nil
	})
	// Output:
	// 10 mail.example.com
	// 20 backup.example.com
}

func ExampleResolver_Reverse() {
	offline(func(ctx context.Context, r *dnsx.Resolver) error {
		names, err := r.Reverse(ctx, netip.MustParseAddr("192.0.2.1")).Await(ctx)
		fmt.Println(names, err)
		return nil
	})
	// Output: [host.example.com] <nil>
}

func ExampleError() {
	offline(func(ctx context.Context, r *dnsx.Resolver) error {
		_, err := r.Lookup(ctx, "nowhere.example.com").Await(ctx)
		var e *dnsx.Error
		if errors.As(err, &e) {
			fmt.Println(e.Host, "-", e.Kind)
		}
		fmt.Println(errors.Is(err, aio.ErrDNS))
		return nil
	})
	// Output:
	// nowhere.example.com - no such host
	// true
}

// A *net.Resolver for code that takes nothing else, with this resolver's cache.
func ExampleResolver_Net() {
	offline(func(ctx context.Context, r *dnsx.Resolver) error {
		addrs, err := r.Net().LookupHost(ctx, "host.example.com.")
		fmt.Println(len(addrs), err)
		return nil
	})
	// Output: 2 <nil>
}
