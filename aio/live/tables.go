package live

import "goaio.example/aio"

// tableRows is how many operations a table has at most.
const tableRows = 100

// tables are made while each operation is looked at.
type tables struct {
	conns, requests tableTop
	byKind          [maxKinds]*tableTop // nil for what is in no table
	some            bool                // there is something to list
}

// tableTop is a table while it is made.
type tableTop struct {
	total int
	top   *top
}

func newTables(loop *aio.Loop, order string) *tables {
	t := new(tables)
	t.conns.top, t.requests.top = newTop(order, tableRows), newTop(order, tableRows)
	for _, k := range loop.KindStats() {
		switch k.Kind.String() {
		case "tcp.conn.in", "tcp.conn.out":
			t.byKind[k.Kind] = &t.conns
		case "http.request.in", "http.request.out":
			t.byKind[k.Kind] = &t.requests
		}
		t.some = t.some || t.byKind[k.Kind] != nil && k.Started > k.Ended
	}
	return t
}

// wanted reports whether operations must be looked at for the tables alone.
func (t *tables) wanted() bool { return t.some }

// see shows the tables an operation.
func (t *tables) see(r aio.Ref) {
	if one := t.byKind[r.Kind()]; one != nil {
		one.total++
		one.top.add(r)
	}
}

// clear forgets what the tables were shown.
func (t *tables) clear() {
	for _, one := range []*tableTop{&t.conns, &t.requests} {
		one.total, one.top.refs = 0, nil
	}
}

// table returns the table.
func (t *tableTop) table() Table {
	out := Table{Total: t.total}
	for _, r := range t.top.sorted() {
		out.Ops = append(out.Ops, opOf(r.Info()))
	}
	return out
}
