package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf16"

	"goaio.example/aio/live"
)

// view is what of the loop is shown, and how.
type view struct {
	search string
	sort   string
	open   []string // keys of rows
	row    int      // the row that is marked
}

// query returns the view as the parameters of the page.
func (v view) query() url.Values {
	q := url.Values{"sort": {v.sort}, "open": v.open}
	if v.search != "" {
		q.Set("q", v.search)
	}
	return q
}

// feed is a page, as a source of snapshots.
type feed struct {
	base   *url.URL
	token  string
	client *http.Client
}

// newFeed returns the feed of an address.
func newFeed(addr, token string) (*feed, error) {
	tr := http.DefaultTransport.(*http.Transport).Clone() //nolint:errcheck // it is one
	f := &feed{token: token, client: &http.Client{Transport: tr}}
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		tr.Proxy = nil
		tr.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}
		addr = "http://localhost/"
	}
	if !strings.Contains(addr, "://") {
		addr = "http://" + addr
	}
	u, err := url.Parse(addr)
	if err != nil {
		return nil, err
	}
	if t := u.Query().Get("token"); t != "" {
		f.token = t
	}
	u.RawQuery, u.Fragment = "", ""
	if i := strings.LastIndexByte(u.Path, '/'); i < 0 {
		u.Path = "/"
	} else {
		u.Path = u.Path[:i+1]
	}
	f.base = u
	return f, nil
}

// close ends the connections of the feed.
func (f *feed) close() { f.client.CloseIdleConnections() }

// get asks for a part of the page.
func (f *feed) get(ctx context.Context, name string, q url.Values) (*http.Response, error) {
	u := *f.base
	u.Path += name
	u.RawQuery = q.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	if f.token != "" {
		r.Header.Set("Authorization", "Bearer "+f.token)
	}
	res, err := f.client.Do(r)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		// for the message only
		text, _ := io.ReadAll(io.LimitReader(res.Body, 200))
		res.Body.Close()
		return nil, &statusError{res.Status, live.Visible(strings.TrimSpace(string(text)))}
	}
	return res, nil
}

// statusError is an answer that is no snapshot. Asking again does not help.
type statusError struct{ status, text string }

func (e *statusError) Error() string { return e.status + ": " + e.text }

// maxSnapshot bounds a snapshot, in bytes.
const maxSnapshot = 16 << 20

// snapshot asks for one snapshot.
func (f *feed) snapshot(ctx context.Context, v view) (*live.Snapshot, error) {
	res, err := f.get(ctx, "snapshot", v.query())
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	s := new(live.Snapshot)
	if err := json.NewDecoder(io.LimitReader(res.Body, maxSnapshot)).Decode(s); err != nil {
		return nil, fmt.Errorf("the answer is no snapshot: %w", err)
	}
	return s, nil
}

// copy writes one snapshot in JSON, as it came, but with escapes for what could
// do something to a terminal.
func (f *feed) copy(ctx context.Context, v view, w io.Writer) error {
	res, err := f.get(ctx, "snapshot", v.query())
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxSnapshot))
	if err != nil {
		return err
	}
	if !json.Valid(text) {
		return errors.New("the answer is no snapshot: it is not JSON")
	}
	_, err = fmt.Fprintln(w, asciiJSON(string(text)))
	return err
}

// asciiJSON escapes what is not to be seen in the strings of a JSON text, where
// alone it can be.
func asciiJSON(text string) string {
	var b strings.Builder
	for _, r := range text {
		if unicode.IsPrint(r) || r < ' ' { // between values
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}

// errEnded says that the loop has ended.
var errEnded = errors.New("the loop has ended")

// stream calls fn with each snapshot as it comes. When the loop has ended its
// error is errEnded, with the page's farewell.
func (f *feed) stream(ctx context.Context, v view, fn func(*live.Snapshot)) error {
	q := v.query()
	q.Set("as", "json")
	res, err := f.get(ctx, "events", q)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, maxSnapshot)
	event := ""
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch {
		case field == "event":
			event = value
		case field == "data" && event == "end":
			return fmt.Errorf("%w: %s", errEnded, live.Visible(value))
		case field == "data":
			s := new(live.Snapshot)
			if err := json.Unmarshal([]byte(value), s); err != nil {
				return fmt.Errorf("the answer is no snapshot: %w", err)
			}
			fn(s)
		case field == "":
			event = ""
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return io.ErrUnexpectedEOF
}
