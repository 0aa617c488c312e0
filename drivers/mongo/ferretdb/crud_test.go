package ferretdb_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/drivers/mongo"
)

// item is a document of the tests.
type item struct {
	ID    int `bson:"_id"`
	Color string
	N     int
}

// withServer runs main in a loop, with a collection of a real server's.
func withServer(t *testing.T, main func(ctx context.Context, things *mongo.Collection)) {
	t.Helper()
	uri := startServer(t)
	aiotest.Runner{Parallel: true}.Run(t, func(ctx context.Context) error {
		_, things := newThings(uri)
		defer func() { await(ctx, t, things.Drop(ctx)) }()
		main(ctx, things)
		return nil
	})
}

// fill inserts items 0 to n-1, red and blue in turn.
func fill(ctx context.Context, t *testing.T, things *mongo.Collection, n int) {
	t.Helper()
	var items []item
	for i := range n {
		items = append(items, item{i, []string{"red", "blue"}[i%2], i * i})
	}
	if r := await(ctx, t, things.InsertMany(ctx, items)); len(r.InsertedIDs) != n {
		t.Fatalf("%d items were inserted, want %d", len(r.InsertedIDs), n)
	}
}

func decoded(t *testing.T, r *mongo.SingleResult) (v item) {
	t.Helper()
	if err := r.Decode(&v); err != nil {
		t.Fatalf("r.Decode: %v", err)
	}
	return v
}

func byID(id int) bson.D { return bson.D{{Key: "_id", Value: id}} }

func set(n int) bson.D { return bson.D{{Key: "$set", Value: bson.D{{Key: "n", Value: n}}}} }

func red() bson.D { return bson.D{{Key: "color", Value: "red"}} }

func TestWrites(t *testing.T) {
	withServer(t, func(ctx context.Context, things *mongo.Collection) {
		r := await(ctx, t, things.InsertOne(ctx, item{100, "green", 1}))
		if r.InsertedID != int32(100) {
			t.Errorf("InsertOne's ID is %v, want 100", r.InsertedID)
		}
		if _, err := things.InsertOne(ctx, item{ID: 100}).Await(ctx); !driver.IsDuplicateKeyError(err) {
			t.Errorf("a second insert of one ID fails with %v", err)
		}
		fill(ctx, t, things, 6)
		if r := await(ctx, t, things.UpdateOne(ctx, byID(2), set(20))); r.ModifiedCount != 1 {
			t.Errorf("UpdateOne: %+v", r)
		}
		if r := await(ctx, t, things.UpdateMany(ctx, red(), set(21))); r.MatchedCount != 3 {
			t.Errorf("UpdateMany: %+v", r)
		}
		if r := await(ctx, t, things.ReplaceOne(ctx, byID(7), item{7, "white", 7}, options.Replace().SetUpsert(true))); r.UpsertedCount != 1 {
			t.Errorf("ReplaceOne: %+v", r)
		}
		for _, test := range []struct {
			name string
			f    *aio.Future[*mongo.SingleResult]
			want item
		}{
			{"FindOneAndUpdate", things.FindOneAndUpdate(ctx, byID(1), set(11), options.FindOneAndUpdate().SetReturnDocument(options.After)), item{1, "blue", 11}},
			{"FindOneAndReplace", things.FindOneAndReplace(ctx, byID(3), item{3, "black", 0}), item{3, "blue", 9}},
			{"FindOneAndDelete", things.FindOneAndDelete(ctx, byID(5)), item{5, "blue", 25}},
		} {
			if got := decoded(t, await(ctx, t, test.f)); got != test.want {
				t.Errorf("%s: got %+v, want %+v", test.name, got, test.want)
			}
		}
		if r := await(ctx, t, things.DeleteOne(ctx, byID(100))); r.DeletedCount != 1 {
			t.Errorf("DeleteOne: %+v", r)
		}
		if r := await(ctx, t, things.DeleteMany(ctx, red())); r.DeletedCount != 3 {
			t.Errorf("DeleteMany: %+v", r)
		}
		var left []item
		for v, err := range mongo.All[item](ctx, await(ctx, t, things.Find(ctx, bson.D{}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}})))) {
			if err != nil {
				t.Fatalf("unexpected error: %v", err)
			}
			left = append(left, v)
		}
		if want := []item{{1, "blue", 11}, {3, "black", 0}, {7, "white", 7}}; !slices.Equal(left, want) {
			t.Errorf("what is left is %+v, want %+v", left, want)
		}
	})
}

func TestReads(t *testing.T) {
	withServer(t, func(ctx context.Context, things *mongo.Collection) {
		fill(ctx, t, things, 1000)
		if got := decoded(t, await(ctx, t, things.FindOne(ctx, byID(30)))); got != (item{30, "red", 900}) {
			t.Errorf("FindOne: %+v", got)
		}
		wantErr(ctx, t, "FindOne of nothing", things.FindOne(ctx, byID(-1)), mongo.ErrNoDocuments)
		if n := await(ctx, t, things.CountDocuments(ctx, red())); n != 500 {
			t.Errorf("CountDocuments: %d, want 500", n)
		}
		if n := await(ctx, t, things.EstimatedCount(ctx)); n != 1000 {
			t.Errorf("EstimatedCount: %d, want 1000", n)
		}
		if r, err := things.Distinct(ctx, "color", bson.D{}).Await(ctx); err != nil {
			// FerretDB refuses the time limit that the driver sends.
			if !strings.Contains(err.Error(), `unknown field "maxTimeMS"`) {
				t.Errorf("Distinct: %v", err)
			}
		} else {
			wantColors(t, r)
		}
		pipeline := bson.A{bson.D{{Key: "$match", Value: red()}}, bson.D{{Key: "$count", Value: "n"}}}
		var counts []int
		for v, err := range mongo.All[struct{ N int }](ctx, await(ctx, t, things.Aggregate(ctx, pipeline))) {
			if err != nil {
				t.Fatalf("unexpected error: %v", err)
			}
			counts = append(counts, v.N)
		}
		if !slices.Equal(counts, []int{500}) {
			t.Errorf("Aggregate: %v, want 500", counts)
		}
		cur := await(ctx, t, things.Find(ctx, bson.D{}, options.Find().SetBatchSize(70)))
		seen := make(map[int]bool)
		for doc := range cur.C() {
			var v item
			if err := cur.Decode(doc, &v); err != nil {
				t.Fatalf("cur.Decode: %v", err)
			}
			seen[v.ID] = true
		}
		if len(seen) != 1000 || cur.Err() != nil {
			t.Errorf("a Cursor of 15 batches had %d documents, want 1000; Err is %v", len(seen), cur.Err())
		}
		if _, err := things.Find(ctx, bson.D{{Key: "$nothing", Value: 1}}).Await(ctx); err == nil {
			t.Error("a filter that is none has no error")
		}
	})
}

// wantColors compares the result of a Distinct.
func wantColors(t *testing.T, r *mongo.DistinctResult) {
	t.Helper()
	var colors []string
	if err := r.Decode(&colors); err != nil {
		t.Fatalf("r.Decode: %v", err)
	}
	slices.Sort(colors)
	if want := []string{"blue", "red"}; !slices.Equal(colors, want) {
		t.Errorf("Distinct: %v, want %v", colors, want)
	}
}

func TestDatabase(t *testing.T) {
	uri := startServer(t)
	aiotest.Runner{Parallel: true}.Run(t, func(ctx context.Context) error {
		c := &mongo.Client{URI: uri}
		db := c.Database(strings.ReplaceAll(t.Name(), "/", "_"))
		await(ctx, t, db.CreateCollection(ctx, "a"))
		await(ctx, t, db.Collection("b").InsertOne(ctx, item{}))
		names := await(ctx, t, db.CollectionNames(ctx, bson.D{}))
		slices.Sort(names)
		if want := []string{"a", "b"}; !slices.Equal(names, want) {
			t.Errorf("CollectionNames: %v, want %v", names, want)
		}
		var reply struct{ OK float64 }
		if err := await(ctx, t, db.RunCommand(ctx, bson.D{{Key: "ping", Value: 1}})).Decode(&reply); err != nil || reply.OK != 1 {
			t.Errorf("RunCommand: %+v, %v", reply, err)
		}
		if _, err := db.RunCommand(ctx, bson.D{{Key: "noCommand", Value: 1}}).Await(ctx); err == nil {
			t.Error("a command that is none has no error")
		}
		index := mongo.Do(ctx, c, "index", func(ctx context.Context, d *driver.Client) (string, error) {
			return d.Database(db.Name()).Collection("b").Indexes().CreateOne(ctx, driver.IndexModel{Keys: bson.D{{Key: "n", Value: 1}}})
		})
		if got := await(ctx, t, index); got != "n_1" {
			t.Errorf("Do: the index is %q, want n_1", got)
		}
		await(ctx, t, db.Drop(ctx))
		if names := await(ctx, t, db.CollectionNames(ctx, bson.D{})); len(names) != 0 {
			t.Errorf("after Drop the collections are %v", names)
		}
		return nil
	})
}

// Many commands at once, and two loops with one Client.
func TestManyAtOnce(t *testing.T) {
	uri := startServer(t)
	_, things := newThings(uri)
	for round := range 2 {
		aiotest.Runner{Parallel: true}.Run(t, func(ctx context.Context) error {
			var inserts []*aio.Future[*mongo.InsertOneResult]
			for i := range 200 {
				inserts = append(inserts, things.InsertOne(ctx, item{ID: round*1000 + i}))
			}
			await(ctx, t, aio.All(ctx, inserts...))
			if n := await(ctx, t, things.CountDocuments(ctx, bson.D{})); n != int64(200*(round+1)) {
				t.Errorf("round %d: %d documents, want %d", round, n, 200*(round+1))
			}
			return nil
		})
	}
}

// A real server's change streams and transactions. FerretDB has none.
func TestReplicaSet(t *testing.T) {
	uri := startServer(t)
	aiotest.Runner{Parallel: true}.Run(t, func(ctx context.Context) error {
		client, things := newThings(uri)
		fill(ctx, t, things, 2)
		s, err := things.Watch(ctx, bson.A{}).Await(ctx)
		if err != nil {
			t.Skipf("the server has no change streams (set %s to one of a replica set): %v", serverEnv, err)
		}
		defer s.Close()
		_, err = client.Transaction(ctx, "update", func(ctx context.Context) error {
			for i := range 2 {
				if _, err := things.UpdateOne(ctx, byID(i), set(100+i)).Await(ctx); err != nil {
					return err
				}
			}
			return nil
		}).Await(ctx)
		if err != nil {
			t.Fatalf("client.Transaction: %v", err)
		}
		for i := range 2 {
			select {
			case doc := <-s.C():
				if got := doc.Lookup("updateDescription", "updatedFields", "n"); got.AsInt64() != int64(100+i) {
					t.Errorf("change %d is %v", i, doc)
				}
			case <-time.After(20 * time.Second):
				t.Fatalf("change %d did not come within 20 s", i)
			}
		}
		return nil
	})
}
