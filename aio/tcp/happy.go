package tcp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/dnsx"
)

const (
	// resolutionDelay is how long the answer for IPv4 waits for the one for
	// IPv6 (RFC 8305, section 3).
	resolutionDelay = 50 * time.Millisecond
	// attemptDelay is the default Connection Attempt Delay (RFC 8305, section
	// 5).
	attemptDelay = 250 * time.Millisecond
)

// connectTCP connects to a TCP address: to the literal, or to the first of the
// name's addresses that accepts.
func (d *Dialer) connectTCP(ctx context.Context, nd *net.Dialer, network, addr string) (net.Conn, error) {
	host, service, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	r := d.Resolver
	if r == nil {
		r = dnsx.DefaultResolver
	}
	port, err := lookUpPort(ctx, r, service)
	if err != nil {
		return nil, err
	}
	if host == "" {
		return nd.DialContext(ctx, network, addr)
	}
	if a, ok := literal(host); ok {
		return nd.DialContext(ctx, network, endpoint(a, port))
	}
	e := &eyeballs{
		attempt: func(ctx context.Context, a netip.Addr) (net.Conn, error) {
			return nd.DialContext(ctx, network, endpoint(a, port))
		},
		delay: orDefault(d.AttemptDelay, attemptDelay),
	}
	return e.connect(ctx, r, network, host)
}

// lookUpPort returns the port of a service. A number needs no resolver.
func lookUpPort(ctx context.Context, r Resolver, service string) (int, error) {
	if port, err := strconv.ParseUint(service, 10, 16); err == nil {
		return int(port), nil
	}
	return r.LookupPort(ctx, "tcp", service)
}

// eyeballs connects to a name as RFC 8305 says: it looks up both families at
// once, and tries the addresses of both families alternately, IPv6 first. An
// attempt starts when the one before has not succeeded within the delay. The
// first connection wins.
type eyeballs struct {
	attempt func(ctx context.Context, a netip.Addr) (net.Conn, error)
	delay   time.Duration // negative: one after the other

	queue   [2][]netip.Addr // IPv6, IPv4: not tried yet
	turn    int             // the family whose turn it is
	looking int             // lookups that have not answered
	trying  int             // attempts that have not ended
	tried   []string        // the addresses of all attempts
	failed  []error         // of attempts
	unknown []error         // of lookups
	ready   bool            // an attempt may begin
	wait    *time.Timer     // until the next attempt may begin
	answers chan answer
	// answers of a dnsx.Resolver, by family
	coming   [2]<-chan aio.Result[[]aio.Result[dnsx.Answer]]
	outcomes chan outcome
}

// answer is the result of looking up a family.
type answer struct {
	family int
	addrs  []netip.Addr
	err    error
}

// outcome is the result of an attempt.
type outcome struct {
	conn net.Conn
	err  error
}

// connect returns the winner. Other attempts are then cancelled, and close
// their connections themselves.
func (e *eyeballs) connect(ctx context.Context, r Resolver, network, host string) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	e.answers, e.outcomes = make(chan answer), make(chan outcome)
	e.wait = time.NewTimer(0)
	e.wait.Stop()
	defer e.wait.Stop()
	e.lookUp(ctx, r, network, host)
	for {
		if e.ready && e.tryNext(ctx) {
			e.ready = false
			if e.delay >= 0 {
				e.wait.Reset(e.delay)
			} else {
				e.wait.Stop()
			}
		}
		if e.looking == 0 && e.trying == 0 && len(e.queue[0])+len(e.queue[1]) == 0 {
			return nil, e.failure(host)
		}
		select {
		case a := <-e.answers:
			e.take(a)
		case r := <-e.coming[0]:
			e.take(settled(0, r))
		case r := <-e.coming[1]:
			e.take(settled(1, r))
		case o := <-e.outcomes:
			e.trying--
			if o.err == nil {
				return o.conn, nil
			}
			e.failed = append(e.failed, o.err)
			e.ready = true
		case <-e.wait.C:
			e.ready = true
		case <-ctx.Done():
			return nil, e.interrupted(context.Cause(ctx))
		}
	}
}

// failure returns why there is no connection: the errors of the attempts or, if
// there were none, of the lookups.
func (e *eyeballs) failure(host string) error {
	switch {
	case len(e.failed) > 0:
		return errors.Join(e.failed...)
	case len(e.unknown) == 0:
		return &net.DNSError{Err: "no addresses", Name: host, IsNotFound: true}
	case len(e.unknown) == 2 && e.unknown[0].Error() == e.unknown[1].Error():
		return e.unknown[0]
	}
	return errors.Join(e.unknown...)
}

// interrupted returns why there is no connection after ctx ended.
func (e *eyeballs) interrupted(cause error) error {
	if len(e.tried) == 0 {
		return cause
	}
	return fmt.Errorf("tried %s: %w", strings.Join(e.tried, ", "), cause)
}

// lookUp starts a lookup for each family that network allows.
func (e *eyeballs) lookUp(ctx context.Context, r Resolver, network, host string) {
	var families []int
	if network != "tcp4" {
		families = append(families, 0)
	}
	if network != "tcp6" {
		families = append(families, 1)
	}
	e.looking = len(families)
	for _, family := range families {
		if d, ok := r.(*dnsx.Resolver); ok {
			e.lookUpBy(ctx, d, family, host)
			continue
		}
		err := child(ctx, kindLookup, "lookup "+host, func(ctx context.Context) {
			addrs, err := r.LookupNetIP(ctx, [2]string{"ip6", "ip4"}[family], host)
			select {
			case e.answers <- answer{family, addrs, err}:
			case <-ctx.Done():
			}
		})
		if err != nil {
			e.take(answer{family, nil, err})
		}
	}
}

// lookUpBy starts a lookup that is an operation, and may have its result
// already.
func (e *eyeballs) lookUpBy(ctx context.Context, r *dnsx.Resolver, family int, host string) {
	f := r.LookupFamily(ctx, host, [2]dnsx.Family{dnsx.V6, dnsx.V4}[family])
	if a, err := f.Result(); !errors.Is(err, aio.ErrPending) {
		e.take(answer{family, a.Addrs, err})
		return
	}
	// Settle looks at the error, which would be a lost one if it came after an
	// attempt has won.
	e.coming[family] = aio.Settle(ctx, f).C()
}

// settled returns the answer of a lookup by a dnsx.Resolver.
func settled(family int, r aio.Result[[]aio.Result[dnsx.Answer]]) answer {
	if r.Err != nil {
		return answer{family, nil, r.Err}
	}
	return answer{family, r.Value[0].Value.Addrs, r.Value[0].Err}
}

// take handles the result of a lookup, and checks whether an attempt may begin.
func (e *eyeballs) take(a answer) {
	e.looking--
	e.queue[a.family] = append(e.queue[a.family], a.addrs...)
	if a.err != nil {
		e.unknown = append(e.unknown, a.err)
	}
	switch {
	case e.ready || e.trying > 0:
	case e.looking == 0 || a.family == 0 && len(a.addrs) > 0:
		e.ready = true
	default:
		e.wait.Reset(resolutionDelay)
	}
}

// tryNext begins an attempt with the next address. It reports false if there is
// none.
func (e *eyeballs) tryNext(ctx context.Context) bool {
	if len(e.queue[e.turn]) == 0 {
		e.turn = 1 - e.turn
	}
	q := &e.queue[e.turn]
	if len(*q) == 0 {
		return false
	}
	a := (*q)[0]
	*q = (*q)[1:]
	e.turn = 1 - e.turn
	e.trying++
	e.tried = append(e.tried, a.String())
	err := child(ctx, kindAttempt, "connect to "+a.String(), func(ctx context.Context) {
		nc, err := e.attempt(ctx, a)
		select {
		case e.outcomes <- outcome{nc, err}:
		case <-ctx.Done():
			if nc != nil {
				nc.Close()
			}
		}
	})
	if err != nil {
		e.trying--
		e.failed = append(e.failed, err)
	}
	return true
}

var (
	kindLookup  = aio.NewKind("dns.lookup")
	kindAttempt = aio.NewKind("tcp.attempt")
)

// child runs fn in a goroutine, as a child operation.
func child(ctx context.Context, kind aio.Kind, name string, fn func(ctx context.Context)) error {
	op, err := aio.Begin(ctx, kind, name)
	if err != nil {
		return err
	}
	op.Go(func() {
		fn(op.Context())
		op.End(nil)
	}, func(err error) { op.End(err) })
	return nil
}
