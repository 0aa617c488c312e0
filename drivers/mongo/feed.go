package mongo

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"goaio.example/aio"
	"goaio.example/aio/timer"
)

// source is a cursor or a change stream of the driver's.
type source interface {
	TryNext(ctx context.Context) bool
	RemainingBatchLength() int
	ID() int64
	Err() error
	Close(ctx context.Context) error
	current() bson.Raw
}

// errEnough is why a feed that was closed on purpose has ended.
var errEnough = errors.New("mongo: closed")

// emptyWait is the least time between two requests for more where there was
// nothing: a server that is to wait for documents may not do so.
const emptyWait = 50 * time.Millisecond

// feed is what a Cursor and a ChangeStream are made of: an operation whose
// goroutine fetches documents.
type feed struct {
	op      aio.Op
	link    *link
	name    string
	src     source
	timeout time.Duration   // of one batch
	handed  func(idle bool) // called when a document was received, or there was none
	c       chan bson.Raw
	turn    *turn           // of the transaction that it belongs to, or nil
	stop    context.Context // ends when the feed is to end
	end     context.CancelCauseFunc
	gone    chan struct{} // closed when nothing comes any more
	err     error         // set before gone is closed
}

// begin starts the operation, whose driver is d, and begins to fetch. ctx is
// that of the operation's parent. The caller is a user of the link.
func (f *feed) begin(ctx context.Context, kind aio.Kind, d aio.Driver) error {
	f.gone = make(chan struct{})
	f.stop, f.end = context.WithCancelCause(context.WithoutCancel(ctx))
	f.op.AsLasting()
	if err := f.op.Start(ctx, kind, f.name, d); err != nil {
		f.end(err)
		f.release()
		return err
	}
	f.link.users.Add(1)
	if f.turn = turnOf(ctx); f.turn != nil {
		f.turn.cursors.Add(1) // the caller has the turn
	}
	f.op.Go(f.run, f.over)
	return nil
}

// run fetches documents until there are no more.
func (f *feed) run() {
	defer f.link.users.Done()
	if f.turn != nil {
		defer f.turn.cursors.Done()
	}
	err := f.fetch()
	f.end(errEnough)
	f.release()
	f.over(err)
}

// over ends the operation. The reader has the error.
func (f *feed) over(err error) {
	if !errors.Is(err, errEnough) {
		f.err = err
	}
	close(f.gone)
	close(f.c)
	f.op.End(nil)
}

func (f *feed) fetch() error {
	for {
		ok, err := f.next()
		if err != nil {
			return err
		}
		if !ok {
			if f.src.ID() == 0 {
				return nil
			}
			if f.handed != nil {
				f.handed(true)
			}
			continue
		}
		select {
		case f.c <- slices.Clone(f.src.current()):
		case <-f.stop.Done():
			return context.Cause(f.stop)
		case <-f.turnOver():
			return f.cut(ErrTransactionOver)
		case <-f.link.op.Context().Done(): // Disconnect waits no longer
			return f.cut(context.Cause(f.link.op.Context()))
		}
		if f.handed != nil {
			f.handed(false)
		}
	}
}

// turnOver returns the channel that is closed when the transaction's function
// has returned, nil without a transaction.
func (f *feed) turnOver() <-chan struct{} {
	if f.turn == nil {
		return nil
	}
	return f.turn.over
}

// takeTurn waits until the feed of a transaction may fetch a batch.
func (f *feed) takeTurn() (done func(), err error) {
	if f.turn == nil || f.src.ID() == 0 { // there is no batch to fetch
		return func() {}, nil
	}
	ctx, cancel := context.WithTimeoutCause(f.stop, f.timeout, aio.ErrTimeout)
	defer cancel()
	if done, err = takeTurn(ctx); err != nil {
		return nil, f.cut(err)
	}
	return done, nil
}

// cut returns why a feed ends that is cut off: why, or what ended it before.
func (f *feed) cut(why error) error {
	if cause := context.Cause(f.stop); cause != nil {
		return cause
	}
	return why
}

// next goes on to the next document. It reports false if there is none now.
func (f *feed) next() (bool, error) {
	ctx := f.stop
	begun := time.Now()
	if f.src.RemainingBatchLength() == 0 {
		done, err := f.takeTurn()
		if err != nil {
			return false, err
		}
		defer done()
		if f.turn != nil {
			// Close does not cut off a batch: the server would abort the
			// transaction.
			ctx = f.op.Context()
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, f.timeout, aio.ErrTimeout)
		defer cancel()
	}
	if f.src.TryNext(ctx) {
		return true, nil
	}
	if err := f.src.Err(); err != nil {
		return false, failure(ctx, f.name, err)
	}
	if f.src.ID() == 0 {
		return false, nil
	}
	return false, timer.Sleep(f.stop, emptyWait-time.Since(begun))
}

// release tells the server that the cursor is not needed any more, if there is
// one and its connections are not being aborted.
func (f *feed) release() {
	ctx, cancel := f.link.bounded(f.stop, endTime)
	defer cancel()
	if f.turn != nil && f.src.ID() != 0 {
		<-f.turn.free // commands take Client.Timeout at most
		defer f.turn.give()
	}
	_ = f.src.Close(ctx) // else it ends by its time
}

// all yields the documents, and closes the feed.
func (f *feed) all(ctx context.Context) iter.Seq2[bson.Raw, error] {
	return func(yield func(bson.Raw, error) bool) {
		defer f.end(errEnough)
		for {
			select {
			case doc, ok := <-f.c:
				if !ok {
					if err := f.failed(); err != nil {
						yield(nil, err)
					}
					return
				}
				if !yield(doc, nil) {
					return
				}
			case <-ctx.Done():
				yield(nil, context.Cause(ctx))
				return
			}
		}
	}
}

// failed returns why documents are missing.
func (f *feed) failed() error {
	select {
	case <-f.gone:
		return f.err
	default:
		return nil
	}
}

// decode decodes a document as the driver does, with the client's settings.
func (f *feed) decode(doc bson.Raw, v any) error {
	d := bson.NewDecoder(bson.NewDocumentReader(bytes.NewReader(doc)))
	o := f.link.opts
	if o.Registry != nil {
		d.SetRegistry(o.Registry)
	}
	if o.BSONOptions != nil {
		settle(d, o.BSONOptions)
	}
	return d.Decode(v)
}

// settle applies settings to a decoder.
func settle(d *bson.Decoder, o *options.BSONOptions) {
	for _, s := range []struct {
		wanted bool
		set    func()
	}{
		{o.AllowTruncatingDoubles, d.AllowTruncatingDoubles},
		{o.BinaryAsSlice, d.BinaryAsSlice},
		{o.DefaultDocumentM, d.DefaultDocumentM},
		{o.DefaultDocumentMap, d.DefaultDocumentMap},
		{o.ObjectIDAsHexString, d.ObjectIDAsHexString},
		{o.UseJSONStructTags, d.UseJSONStructTags},
		{o.UseLocalTimeZone, d.UseLocalTimeZone},
		{o.ZeroMaps, d.ZeroMaps},
		{o.ZeroStructs, d.ZeroStructs},
	} {
		if s.wanted {
			s.set()
		}
	}
}

// Documents are a Cursor or a ChangeStream.
type Documents interface {
	// All yields the documents.
	All(ctx context.Context) iter.Seq2[bson.Raw, error]
	// Decode decodes one of them.
	Decode(doc bson.Raw, v any) error
}

var (
	_ Documents = (*Cursor)(nil)
	_ Documents = (*ChangeStream)(nil)
)

// All yields what from.All does, decoded. A document that cannot be decoded is
// yielded as an error, and the next one follows.
func All[T any](ctx context.Context, from Documents) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for doc, err := range from.All(ctx) {
			var v T
			if err == nil {
				err = from.Decode(doc, &v)
			}
			if !yield(v, err) {
				return
			}
		}
	}
}
