package ferretdb_test

import (
	"context"
	"fmt"
	"os"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"goaio.example/aio"
	"goaio.example/drivers/mongo"
)

func Example() {
	dir, err := os.MkdirTemp("", "mongo-example-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	uri, stop, err := startFerret("127.0.0.1:0", dir)
	if err != nil {
		panic(err)
	}
	defer stop()

	type city struct {
		Name   string `bson:"_id"`
		People int
	}
	client := &mongo.Client{URI: uri}
	err = aio.Run(context.Background(), func(ctx context.Context) error {
		cities := client.Database("example").Collection("cities")
		bern := cities.InsertOne(ctx, city{"Bern", 134_000})
		geneva := cities.InsertOne(ctx, city{"Geneva", 203_000})
		if _, err := aio.All(ctx, bern, geneva).Await(ctx); err != nil {
			return err
		}
		byName := options.Find().SetSort(bson.D{{Key: "_id", Value: 1}})
		found, err := cities.Find(ctx, bson.D{}, byName).Await(ctx)
		if err != nil {
			return err
		}
		for c, err := range mongo.All[city](ctx, found) {
			if err != nil {
				return err
			}
			fmt.Println(c.Name, c.People)
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// Bern 134000
	// Geneva 203000
	// <nil>
}
