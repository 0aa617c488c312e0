package live

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// query says what a page, or a Snapshot, shows. Its fields and exported methods
// are for the template.
type query struct {
	// a part of the name or kind, or an ID: the tree is then flat
	Search string
	Open   []string // keys of the rows whose operations are shown
	Sort   string   // ByAge, ByNew, ByBytes or ByName
	Op     uint64   // the operation that is shown in detail
}

// The bounds of a query.
const (
	maxSearch = 100 // bytes
	maxOpen   = 20
)

// parseQuery reads a query. What is not valid is left out.
func parseQuery(v url.Values) query {
	q := query{Search: v.Get("q"), Sort: v.Get("sort")}
	if len(q.Search) > maxSearch || !utf8.ValidString(q.Search) {
		q.Search = ""
	}
	if !slices.Contains([]string{ByNew, ByBytes, ByName}, q.Sort) {
		q.Sort = ByAge
	}
	for _, key := range v["open"] {
		if len(q.Open) < maxOpen && !q.opens(key) {
			q.Open = append(q.Open, key)
		}
	}
	q.Op, _ = strconv.ParseUint(v.Get("op"), 10, 64) // 0 if it is none
	return q
}

// opens reports whether the row with the key is open.
func (q query) opens(key string) bool { return slices.Contains(q.Open, key) }

// Encode returns the query as the query string of a URL.
func (q query) Encode() string {
	v := url.Values{}
	if q.Search != "" {
		v.Set("q", q.Search)
	}
	if q.Sort != ByAge && q.Sort != "" {
		v.Set("sort", q.Sort)
	}
	if q.Op != 0 {
		v.Set("op", strconv.FormatUint(q.Op, 10))
	}
	v["open"] = q.Open
	return v.Encode()
}

// Link is the address of the page with the query.
func (q query) Link() string { return "?" + q.Encode() }

// Of returns the query with another operation in detail.
func (q query) Of(id uint64) query {
	q.Op = id
	return q
}

// For returns the query with a search for something else, "" for none.
func (q query) For(search string) query {
	q.Search = search
	return q
}

// Toggled returns the query with a row opened or closed.
func (q query) Toggled(key string) query {
	open := slices.DeleteFunc(slices.Clone(q.Open), func(k string) bool { return k == key || strings.HasPrefix(k, key+"/") })
	if !q.opens(key) {
		open = append(open, key)
	}
	q.Open = open
	return q
}
