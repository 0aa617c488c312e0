package httpx

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptrace"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"goaio.example/aio/tcp"
)

// bothFamilies is a Resolver that answers when both families are asked for.
type bothFamilies struct {
	tcp.Resolver
	asked sync.WaitGroup
	fails []string // networks
}

var errLookup = errors.New("lookup")

func (r *bothFamilies) LookupNetIP(_ context.Context, network, _ string) ([]netip.Addr, error) {
	r.asked.Done()
	r.asked.Wait()
	if slices.Contains(r.fails, network) {
		return nil, errLookup
	}
	return []netip.Addr{map[string]netip.Addr{"ip4": netip.MustParseAddr("192.0.2.1"), "ip6": netip.MustParseAddr("2001:db8::1")}[network]}, nil
}

// TestTracedLookup checks that the lookups of both families are one lookup for
// a trace, which has the addresses of both and fails only if both fail.
func TestTracedLookup(t *testing.T) {
	for _, x := range []struct {
		fails, want []string
	}{
		{nil, []string{"start host", "done 192.0.2.1 2001:db8::1 <nil>"}},
		{[]string{"ip6"}, []string{"start host", "done 192.0.2.1 <nil>"}},
		{[]string{"ip4"}, []string{"start host", "done 2001:db8::1 <nil>"}},
		{[]string{"ip4", "ip6"}, []string{"start host", "done lookup"}},
	} {
		var told []string
		families := &bothFamilies{fails: x.fails}
		r := &tracedResolver{Resolver: families, trace: &httptrace.ClientTrace{
			DNSStart: func(i httptrace.DNSStartInfo) { told = append(told, "start "+i.Host) },
			DNSDone: func(i httptrace.DNSDoneInfo) {
				var addrs []string
				for _, a := range i.Addrs {
					addrs = append(addrs, a.String())
				}
				slices.Sort(addrs)
				text := "done "
				for _, a := range addrs {
					text += a + " "
				}
				told = append(told, text+fmt.Sprint(i.Err))
			},
		}}
		for range 2 { // another lookup is reported again
			families.asked.Add(2)
			var lookups sync.WaitGroup
			for _, network := range []string{"ip4", "ip6"} {
				lookups.Go(func() { r.LookupNetIP(t.Context(), network, "host") })
			}
			lookups.Wait()
		}
		if want := append(slices.Clone(x.want), x.want...); !slices.Equal(told, want) {
			t.Errorf("without %v: the trace has %q, want %q", x.fails, told, want)
		}
	}
}
