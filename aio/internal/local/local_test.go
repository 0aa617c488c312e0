package local_test

import (
	"context"
	"testing"

	"go.uber.org/goleak"

	"goaio.example/aio/internal/local"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// op is an operation: a ctx with a store.
type op struct{ store local.Store }

func (o *op) Context() context.Context {
	return context.WithValue(context.Background(), local.Key, &o.store)
}

func TestGet(t *testing.T) {
	o, other := new(op), new(op)
	var ended []string
	get := func(o *op, key, v string) (any, bool) {
		return local.Get(o, key, func() (any, func()) {
			return v, func() {
				ended = append(ended, v)
				if v, ok := local.Get(o, key, func() (any, func()) { return "late", func() {} }); ok {
					t.Errorf("Get from an end function returned %v, want false", v)
				}
			}
		})
	}
	for _, c := range []struct {
		o            *op
		key, v, want string
	}{
		{o, "a", "first", "first"},
		{o, "a", "second", "first"},
		{o, "b", "third", "third"},
		{other, "a", "fourth", "fourth"},
	} {
		if v, ok := get(c.o, c.key, c.v); v != c.want || !ok {
			t.Errorf("Get of %q, %q if it is new: %v, %v, want %q, true", c.key, c.v, v, ok, c.want)
		}
	}
	o.store.End()
	if len(ended) != 2 || ended[0] != "first" || ended[1] != "third" {
		t.Errorf("End called the end functions of %q, want those of first and third, once", ended)
	}
	if v, ok := get(o, "a", "late"); ok {
		t.Errorf("Get after End returned %v, want false", v)
	}
	if v, ok := get(other, "a", "late"); v != "fourth" || !ok {
		t.Errorf("Get from another store after End: %v, %v, want fourth, true", v, ok)
	}
}
