package dnsx

import (
	"slices"
	"strings"
	"testing"
)

// A name with fewer dots than ndots comes after those of the search list, and
// one with a trailing dot stands alone. A name of the search list that is
// longer than 253 characters is left out.
func TestSearchNames(t *testing.T) {
	long := strings.Repeat("a.", 100) // 200 characters
	for _, tt := range []struct {
		name    string
		rooted  bool
		domains []string
		ndots   int
		want    []string
	}{
		{"a.", false, nil, 1, []string{"a."}},
		{"a.", true, []string{"x"}, 1, []string{"a."}},
		{"a.", false, []string{"x", "y.z"}, 1, []string{"a.x.", "a.y.z.", "a."}},
		{"a.b.", false, []string{"x", "y.z"}, 1, []string{"a.b.", "a.b.x.", "a.b.y.z."}},
		{"a.b.", false, []string{"x"}, 2, []string{"a.b.x.", "a.b."}},
		{"a.", false, []string{"x"}, 0, []string{"a.", "a.x."}},
		{
			long, false,
			[]string{strings.Repeat("b", 53), strings.Repeat("b", 54), "x"},
			1,
			[]string{long, long + strings.Repeat("b", 53) + ".", "", long + "x."},
		},
	} {
		s := newSearch(tt.name, tt.rooted, tt.domains, tt.ndots)
		var got []string
		for i := range s.len() {
			got = append(got, s.at(i))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%q, rooted %v, domains %q, ndots %d: %q, want %q", tt.name, tt.rooted, tt.domains, tt.ndots, got, tt.want)
		}
	}
}
