package mongo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/dns"

	"goaio.example/aio/dnsx"
)

const srvScheme = "mongodb+srv://"

// records looks up what a mongodb+srv URI stands for, as *dnsx.Resolver and
// *net.Resolver do.
type records interface {
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

// plainURI returns the client's URI. For a mongodb+srv URI it is the one that
// the records in the DNS stand for, so that the driver, which asks the system's
// resolver, has none to look up.
func (l *link) plainURI(ctx context.Context) (string, error) {
	uri := l.client.uri()
	rest, ok := strings.CutPrefix(uri, srvScheme)
	if !ok {
		return uri, nil
	}
	var r records = dnsx.DefaultResolver
	if own := l.client.Dialer.Resolver; own != nil {
		if r, ok = own.(records); !ok {
			return "", fmt.Errorf("the Dialer's resolver, a %T, looks up no SRV records: use a *dnsx.Resolver, or a mongodb:// URI", own)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, l.client.timeout())
	defer cancel()
	return resolveURI(ctx, r, rest)
}

// resolveURI returns the URI that the rest of a mongodb+srv URI stands for. What
// the records may say is checked by the driver's code.
func resolveURI(ctx context.Context, r records, rest string) (string, error) {
	u := splitURI(rest)
	if strings.ContainsAny(u.host, ":@") { // it may hold a part of a password, so it is not shown
		return "", errors.New("the URI's host is not a name without a port, or its user or password is not escaped")
	}
	resolver := &dns.Resolver{
		LookupSRV: func(service, proto, name string) (string, []*net.SRV, error) {
			return r.LookupSRV(ctx, service, proto, name)
		},
		LookupTXT: func(name string) ([]string, error) { return r.LookupTXT(ctx, name) },
	}
	hosts, err := resolver.ParseHosts(u.host, u.option("srvServiceName"), true)
	if err != nil {
		return "", fmt.Errorf("the SRV records of %s: %w", u.host, err)
	}
	said, err := resolver.GetConnectionArgsFromTXT(u.host)
	if err != nil {
		return "", fmt.Errorf("the TXT record of %s: %w", u.host, err)
	}
	if hosts, err = u.choose(hosts); err != nil {
		return "", err
	}
	var options []string
	if u.option("tls") == "" && u.option("ssl") == "" {
		options = append(options, "tls=true")
	}
	for _, o := range said { // those of the URI take precedence
		if name, _, _ := strings.Cut(o, "="); u.option(name) == "" {
			options = append(options, o)
		}
	}
	for _, o := range u.options {
		if name, _, _ := strings.Cut(o, "="); !strings.HasPrefix(strings.ToLower(name), "srv") {
			options = append(options, o)
		}
	}
	return "mongodb://" + u.user + strings.Join(hosts, ",") + "/" + u.database + "?" + strings.Join(options, "&"), nil
}

// parts are those of a URI, as they are written.
type parts struct {
	user     string // with the "@"
	host     string
	database string
	options  []string
}

func splitURI(rest string) (u parts) {
	rest, query, _ := strings.Cut(rest, "?")
	if query != "" {
		u.options = strings.FieldsFunc(query, func(r rune) bool { return r == '&' || r == ';' })
	}
	authority, database, _ := strings.Cut(rest, "/")
	u.database = database
	at := strings.LastIndex(authority, "@") + 1
	u.user, u.host = authority[:at], authority[at:]
	return u
}

// option returns an option's value. Names are compared without regard to case.
func (u parts) option(name string) string {
	for _, o := range u.options {
		if k, v, _ := strings.Cut(o, "="); strings.EqualFold(k, name) {
			return v
		}
	}
	return ""
}

// choose returns at most srvMaxHosts of the hosts, at random.
func (u parts) choose(hosts []string) ([]string, error) {
	text := u.option("srvMaxHosts")
	if text == "" {
		return hosts, nil
	}
	most, err := strconv.Atoi(text)
	if err != nil || most < 0 {
		return nil, errors.New("srvMaxHosts must be a number that is not negative")
	}
	if most == 0 || most >= len(hosts) {
		return hosts, nil
	}
	rand.Shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
	return hosts[:most], nil
}
