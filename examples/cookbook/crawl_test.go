package cookbook_test

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
	"goaio.example/aio/tcp"
	"goaio.example/aio/timer"
)

// crawl fetches the page first and all pages that can be reached from it, at
// most total of them at a time, and perHost from one host. It returns their
// URLs.
func crawl(ctx context.Context, first string, total, perHost int,
	fetch func(ctx context.Context, page string) (links []string, err error),
) ([]string, error) {
	var mu sync.Mutex
	seen := map[string]bool{}
	hosts := map[string]context.Context{}
	err := aio.Scope(aio.Limit(ctx, total), "crawl", func(ctx context.Context) error {
		var visit func(page string) error
		visit = func(page string) error {
			u, err := url.Parse(page)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			if seen[page] {
				return nil
			}
			seen[page] = true
			if hosts[u.Host] == nil {
				// below the limit for all hosts
				hosts[u.Host] = aio.Limit(ctx, perHost)
			}
			aio.Spawn(hosts[u.Host], "visit "+page, func(ctx context.Context) error {
				links, err := fetch(ctx, page)
				for _, link := range links {
					if err := visit(link); err != nil {
						return err
					}
				}
				return err
			})
			return nil
		}
		return visit(first)
	})
	return slices.Sorted(maps.Keys(seen)), err
}

func Example_boundedCrawl() {
	var network aiotest.Network
	client := &httpx.Client{Dialer: &tcp.Dialer{DialContext: network.DialContext}}
	fetch := func(ctx context.Context, page string) ([]string, error) {
		resp, err := client.Get(ctx, page).Await(ctx)
		if err != nil {
			return nil, err
		}
		return strings.Fields(string(resp.Body)), nil
	}
	err := aio.Run(context.Background(), func(ctx context.Context) error {
		var busy, busyA gauge
		for _, host := range []string{"a.example", "b.example", "c.example"} {
			ln, err := network.Listen(host + ":80")
			if err != nil {
				return err
			}
			server := &httpx.Server{Handle: func(r *httpx.Request) {
				busy.add(1)
				if host == "a.example" {
					busyA.add(1)
				}
				timer.Delay(r.Context(), time.Millisecond, func(context.Context) error {
					busy.add(-1)
					if host == "a.example" {
						busyA.add(-1)
					}
					r.RespondString(200, site[host+r.Resource()])
					return nil
				})
			}}
			if err := server.StartOn(ctx, ln); err != nil {
				return err
			}
			defer server.Close()
		}
		pages, err := crawl(ctx, "http://a.example/", 3, 2, fetch)
		fmt.Println(strings.Join(pages, "\n"))
		fmt.Println("at most 3 at a time:", busy.most <= 3, "and 2 of a host:", busyA.most <= 2)
		return err
	})
	fmt.Println(err)
	// Output:
	// http://a.example/
	// http://a.example/1
	// http://a.example/2
	// http://a.example/3
	// http://b.example/
	// http://b.example/1
	// http://c.example/
	// at most 3 at a time: true and 2 of a host: true
	// <nil>
}

// site has the pages that are crawled, each as its links.
var site = map[string]string{
	"a.example/":  "http://a.example/1 http://a.example/2 http://a.example/3 http://b.example/",
	"a.example/2": "http://a.example/ http://c.example/",
	"b.example/":  "http://b.example/1 http://a.example/3",
	"c.example/":  "http://a.example/",
}

// gauge keeps the largest value that a sum has had.
type gauge struct {
	mu        sync.Mutex
	now, most int
}

func (g *gauge) add(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now += n
	g.most = max(g.most, g.now)
}
