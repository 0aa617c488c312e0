package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"go.uber.org/goleak"

	"goaio.example/interop/browser/chrome"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if closeBrowser != nil {
		closeBrowser()
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// browserCtx is the browser that all tests share, once there is one.
var (
	browserCtx   context.Context
	closeBrowser func()
)

// tab opens a tab of the browser. It skips the test where there is none.
func tab(t *testing.T, width int, dark bool) context.Context {
	t.Helper()
	if browserCtx == nil {
		launch(t)
	}
	ctx, cancel := chromedp.NewContext(browserCtx)
	t.Cleanup(cancel)
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	t.Cleanup(stop)
	err := chromedp.Run(ctx, chrome.Window(int64(width), 900, dark))
	if err != nil {
		t.Fatalf("chromedp.Run: %v", err)
	}
	return ctx
}

// launch starts the browser.
func launch(t *testing.T) {
	t.Helper()
	ctx, stop, err := chrome.Start(context.Background())
	if errors.Is(err, chrome.ErrNone) {
		t.Skip("note: no page is looked at:", err)
	}
	if err != nil {
		t.Fatal("starting the browser:", err)
	}
	browserCtx = ctx
	closeBrowser = func() {
		if err := stop(); err != nil {
			fmt.Fprintln(os.Stderr, "closing the browser:", err)
		}
	}
}

// picture keeps a picture of the whole page in the folder that SCREENSHOTS
// names.
func picture(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	var png []byte
	if err := chromedp.Run(ctx, chromedp.FullScreenshot(&png, 100)); err != nil {
		t.Fatalf("chromedp.Run: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		t.Fatalf("os.WriteFile: %v", err)
	}
}

func disableScripts(ctx context.Context) error {
	return emulation.SetScriptExecutionDisabled(true).Do(ctx)
}

// awaited has an expression's promise awaited.
func awaited(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }
