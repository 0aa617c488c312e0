package httpx_test

import (
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
)

// contract is a case of the suite that compares what an http.Handler and a
// client can see of Server with what they see of net/http's server: the same
// handler and the same client run on both, without and with TLS, and what each
// of them noted must be the same, or a difference that is known.
type contract struct {
	name string
	// serve is the handler. It notes what it sees with s.served.
	serve func(s *side, w http.ResponseWriter, r *http.Request)
	// send is what a raw client sends on one connection: each text when the
	// response to the one before has arrived. Then it checks whether the
	// connection is still open.
	send []string
	// visit is what clients do, instead of send. They note what they see with
	// s.saw.
	visit func(s *side)
}

// contracts is all cases, by what they are about.
var contracts = []struct {
	about string
	cases []contract
}{
	{"flush", flushContracts},
	{"status", statusContracts},
	{"length", lengthContracts},
	{"hijack", hijackContracts},
	{"controller", controllerContracts},
	{"interim", interimContracts},
	{"trailer", trailerContracts},
	{"header", headerContracts},
	{"request", requestContracts},
	{"body", bodyContracts},
	{"panic", panicContracts},
	{"ctx", ctxContracts},
	{"connection", connContracts},
	{"form", formContracts},
	{"handlers", handlersContracts},
	{"middleware", middlewareContracts},
	{"refused", refusedContracts},
}

// difference is one between Server and net/http's that is meant, or at least
// known.
type difference struct {
	why string
	// diff has what one side only noted: lines that begin with "-" are
	// net/http's, those with "+" ours. tls is the same over TLS, if that is
	// something else, or none.
	diff, tls string
	// varies says that net/http does not always do the same, so that lines of
	// the difference may be missing.
	varies bool
}

// holds reports whether a difference is the known one.
func (d difference) holds(got string, tls bool) bool {
	known := d.over(tls)
	if !d.varies {
		return got == known
	}
	left := strings.Split(known, "\n")
	for line := range strings.Lines(got) {
		i := slices.Index(left, strings.TrimSuffix(line, "\n"))
		if i < 0 {
			return false
		}
		left = slices.Delete(left, i, i+1)
	}
	return true
}

// none is a tls without a difference.
const none = "none"

// over returns the difference with or without TLS.
func (d difference) over(tls bool) string {
	switch {
	case tls && d.tls == none:
		return ""
	case tls && d.tls != "":
		return strings.TrimSpace(d.tls)
	}
	return strings.TrimSpace(d.diff)
}

// transcripts has TestContract show all that was noted on net/http's servers,
// and what differs by reason.
var transcripts = flag.Bool("contract.transcripts", false, "show the transcripts of TestContract")

// TestContract runs all cases. It fails for a difference that is not in the
// table differences, for one that deviates from the table, and for one that no
// longer exists.
func TestContract(t *testing.T) {
	cfg := serverTLS(t)
	cfg.NextProtos = []string{"http/1.1"}
	l := &aio.Loop{CatchPanics: true, OnEvent: func(aio.Event) {}, Logger: discard}
	aiotest.RunLoop(t, l, func(ctx context.Context) error {
		defer l.Exit(nil)
		h := &hosts{ctx: ctx, cfg: cfg}
		defer h.wait()
		known := map[string]bool{}
		for _, group := range contracts {
			for _, c := range group.cases {
				known[group.about+"/"+c.name] = true
			}
			t.Run(group.about, func(t *testing.T) {
				for _, c := range group.cases {
					t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
						t.Parallel()
						c.check(t, h, differences[group.about+"/"+c.name])
					})
				}
			})
		}
		for name, d := range differences {
			if !known[name] || d.why == "" || d.diff == "" && d.tls == "" {
				t.Errorf("differences has %q, which is no case, or no difference, or has no reason", name)
			}
		}
		if *transcripts {
			t.Log(byReason())
		}
		return nil
	})
}

// byReason lists the differences, by their reasons.
func byReason() string {
	names := map[string][]string{}
	for name, d := range differences {
		names[d.why] = append(names[d.why], name)
	}
	var b strings.Builder
	for _, why := range slices.Sorted(maps.Keys(names)) {
		slices.Sort(names[why])
		fmt.Fprintf(&b, "\n%s (%s)", why, strings.Join(names[why], ", "))
	}
	return b.String()
}

// check runs the case on net/http and on ours.
func (c *contract) check(t *testing.T, h *hosts, want difference) {
	for _, cfg := range []*tls.Config{nil, h.cfg} {
		theirs := c.run(t, h, cfg, (*hosts).serveTheirs)
		ours := c.run(t, h, cfg, (*hosts).serveOurs)
		if *transcripts {
			t.Logf("%s, with TLS: %v, net/http:\n%s", c.name, cfg != nil, indent(theirs))
		}
		got := diff(theirs, ours)
		if want.holds(got, cfg != nil) {
			continue
		}
		t.Errorf("with TLS: %v\ndifferences of net/http (-) and httpx (+):\n%s\nknown are:\n%s\nall of net/http:\n%s\nall of httpx:\n%s",
			cfg != nil, got, want.over(cfg != nil), indent(theirs), indent(ours))
	}
}

// run runs the case on one server, and returns what was noted.
func (c *contract) run(t *testing.T, h *hosts, cfg *tls.Config, serve func(h *hosts, s *side, cfg *tls.Config)) []string {
	s := &side{T: t, c: c, tls: cfg != nil}
	serve(h, s, cfg)
	defer s.close()
	if c.visit != nil {
		c.visit(s)
	} else {
		s.exchange(c.send...)
	}
	return s.notes()
}

// diff returns the lines that only one of two lists has, in their order.
func diff(theirs, ours []string) string {
	only := func(a, b []string, mark string) (out []string) {
		count := map[string]int{}
		for _, line := range b {
			count[line]++
		}
		for _, line := range a {
			if count[line]--; count[line] < 0 {
				out = append(out, mark+" "+line)
			}
		}
		return out
	}
	lines := append(only(theirs, ours, "-"), only(ours, theirs, "+")...)
	if len(lines) == 0 && strings.Join(theirs, "\n") != strings.Join(ours, "\n") {
		return "the order"
	}
	return strings.Join(lines, "\n")
}

func indent(lines []string) string { return "\t" + strings.Join(lines, "\n\t") }
