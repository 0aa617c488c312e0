package live

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"

	"goaio.example/aio"
)

// fill sets each string below v to text, and what else makes a part of the page
// appear.
func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(3)
	case reflect.Uint64:
		v.SetUint(3)
	case reflect.Float64:
		v.SetFloat(3)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), text)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i), text)
		}
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, text)
		fill(value, text)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(1, 0)))
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), text)
			}
		}
	}
}

// Whatever string of a Snapshot, of the request or of a stack is hostile, the
// page has it as text only, and nothing that cannot be seen.
func TestFieldsEscaped(t *testing.T) {
	const hostile = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'` --> {{.}} javascript:alert(1)\x1b[2J\x9b\u202e\u200b\x00\r"
	for _, folded := range []bool{false, true} {
		for _, phase := range []string{"running", "draining", "done"} {
			s := new(Snapshot)
			fill(reflect.ValueOf(s).Elem(), hostile)
			s.Phase = phase // is the loop's own word
			if folded {
				s.Tree.Rows[0].Op = nil
			}
			d := &pageData{
				S: s, Q: query{Search: hostile, Open: []string{hostile}, Sort: ByAge, Op: 3},
				Over: phase == "done", Nonce: "n", Stack: "a\tb\n\tc" + hostile, Message: hostile,
			}
			text, err := render("page", d)
			if err != nil {
				t.Fatalf("render: %v", err)
			}
			if n := strings.Count(text, "alert(1)"); n < 30 {
				t.Errorf("the hostile text is there %d times only", n)
			}
			for _, bad := range []string{"<script>alert", "<img", "onerror=alert(1)>", `href="javascript:`} {
				if strings.Contains(text, bad) {
					t.Errorf("phase %q: the page has %q", phase, bad)
				}
			}
			// The value of the search is what the user has typed, as it is, and
			// so are links; all else is for people.
			seen := strings.Replace(text, `value="`+attribute(hostile)+`"`, "", 1)
			for i, r := range seen {
				if r != '\n' && r != '\t' && !unicode.IsPrint(r) {
					t.Fatalf("phase %q: the page has %q in %q", phase, r, seen[max(0, i-150):i+20])
				}
			}
		}
	}
}

// attribute is text as html/template writes it in an attribute.
func attribute(text string) string {
	page, err := render("page", &pageData{S: new(Snapshot), Q: query{Search: text}})
	if err != nil {
		return err.Error()
	}
	_, after, _ := strings.Cut(page, `name="q" value="`)
	value, _, _ := strings.Cut(after, `"`)
	return value
}

// A text for people keeps its lines.
func TestVisibleLines(t *testing.T) {
	if got := visibleLines("a\n\tb\x1b\n" + strings.Repeat("x", 500)); got != "a\n    b\\x1b\n"+strings.Repeat("x", 500) {
		t.Errorf("got %q", got)
	}
}

// What a history keeps, and a snapshot has, is bounded whatever the program
// names its operations and says in its errors.
func TestTextBounds(t *testing.T) {
	long := strings.Repeat("é", 1<<20)
	for what, got := range map[string]string{
		"name": opOf(aio.OpInfo{Name: long}).Name, "started by": opOf(aio.OpInfo{By: long}).By,
		"scope": opOf(aio.OpInfo{Scope: long}).Scope, "awaits": opOf(aio.OpInfo{Awaits: aio.Awaited{Name: long}}).Awaits,
		"event": eventOf(aio.Event{Op: aio.OpInfo{Name: long}, Err: fmt.Errorf("x")}).Op,
		"error": eventOf(aio.Event{Err: fmt.Errorf("%s", long)}).Err,
	} {
		if len(got) > maxText+len("…") || !strings.HasSuffix(got, "é…") || strings.ContainsRune(got, '\uFFFD') {
			t.Errorf("the %s has %d bytes, and ends in %q", what, len(got), got[max(0, len(got)-5):])
		}
	}
	if got := opOf(aio.OpInfo{Parents: []string{long}}).Parents; got != nil {
		t.Error("each row has all its parents")
	}
}
