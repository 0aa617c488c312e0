// First is the first program in the README: it selects over two futures and a
// timer, and exits gracefully.
package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/timer"
)

func main() {
	err := aio.Run(context.Background(), func(ctx context.Context) error {
		word := aio.Go(ctx, "find a word", func(context.Context) (string, error) { return "forty-two", nil }).C()
		number := aio.Go(ctx, "add up", func(context.Context) (int, error) { return 40 + 2, nil }).C()
		late := timer.After(ctx, 5*time.Second).C()
		for range 2 {
			select {
			case r := <-word:
				fmt.Println("word:", r.Value, r.Err)
			case r := <-number:
				fmt.Println("number:", r.Value, r.Err)
			case <-late:
				return errors.New("too late")
			}
		}
		// gracefully: drops the timer, would wait for work in progress
		aio.LoopOf(ctx).Exit(nil)
		return nil
	})
	fmt.Println("ended:", err)
}
