// Package chrome starts Debian's chromium, or another browser of its family,
// without a window.
package chrome

import (
	"context"
	"errors"
	"os/exec"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// ErrNone says that there is no browser on this machine.
var ErrNone = errors.New("there is no chromium on this machine")

// Start starts a browser. Contexts for tabs are derived from the returned ctx
// by chromedp.NewContext. stop ends the browser.
func Start(ctx context.Context) (_ context.Context, stop func() error, err error) {
	path := find()
	if path == "" {
		return nil, nil, ErrNone
	}
	alloc, cancelAlloc := chromedp.NewExecAllocator(ctx,
		append(chromedp.DefaultExecAllocatorOptions[:],
			chromedp.ExecPath(path), chromedp.NoSandbox,
			// A name that leads here, as an attacker's would.
			chromedp.Flag("host-resolver-rules", "MAP rebound.example 127.0.0.1"))...)
	ctx, cancel := chromedp.NewContext(alloc)
	if err := chromedp.Run(ctx); err != nil {
		cancel()
		cancelAlloc()
		return nil, nil, err
	}
	return ctx, func() error {
		defer cancelAlloc()
		return chromedp.Cancel(ctx)
	}, nil
}

// find returns the path of a browser, "" if there is none.
func find() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// Window has a tab be as wide and as high, in pixels, and light or dark.
func Window(width, height int64, dark bool) chromedp.Tasks {
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	return chromedp.Tasks{
		chromedp.EmulateViewport(width, height),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
	}
}
