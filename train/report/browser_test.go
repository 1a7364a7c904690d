package report

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// The page is opened as its readers open it: on a desk and on a phone, in
// light and in dark. Set PCAPLINE_REPORT to a report.html to look at that one
// instead, and PCAPLINE_SCREENSHOTS to a folder to keep the pictures.
func TestPageInChromium(t *testing.T) {
	browser := browser(t)
	path := os.Getenv("PCAPLINE_REPORT")
	if path == "" {
		page, err := Page(input(t))
		if err != nil {
			t.Fatal(err)
		}
		path = filepath.Join(t.TempDir(), "report.html")
		if err := os.WriteFile(path, page, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, width := range []int64{390, 1280} {
		for _, scheme := range []string{"light", "dark"} {
			t.Run(fmt.Sprint(width, " ", scheme), func(t *testing.T) { look(t, browser, path, width, scheme) })
		}
	}
}

// browser starts one Chromium that all of a test's pages are opened in.
func browser(t *testing.T) context.Context {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed (make tools): how the page looks is not checked")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()), chromedp.WSURLReadTimeout(time.Minute),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("chromium: %v", err)
	}
	return ctx
}

// look opens the page in a tab of its own and judges what the browser did.
func look(t *testing.T, browser context.Context, path string, width int64, scheme string) {
	tab, cancel := chromedp.NewContext(browser)
	defer cancel()
	told := listen(t, tab)
	call(t, tab, log.Enable, cdp.Empty{})
	call(t, tab, runtime.Enable, cdp.Empty{})
	call(t, tab, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 844, DeviceScaleFactor: 1, Mobile: width < 600})
	call(t, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	url := "file://" + path
	do(t, tab, chromedp.Navigate(url))
	overflow := do(t, tab, chromedp.Evaluate[int](`for (const d of document.querySelectorAll("details")) d.open = true; document.documentElement.scrollWidth - innerWidth`))
	ground := do(t, tab, chromedp.Evaluate[string](`getComputedStyle(document.body).backgroundColor`))
	ink := do(t, tab, chromedp.Evaluate[string](`getComputedStyle(document.body).color`))
	if overflow > 0 {
		t.Errorf("the page is %d pixels wider than the screen", overflow)
	}
	if dark := brightness(t, ground) < brightness(t, ink); dark != (scheme == "dark") {
		t.Errorf("asked for %s, text is %s on %s", scheme, ink, ground)
	}
	for _, line := range told() {
		if line != "request "+url {
			t.Error(line)
		}
	}
	if dir := os.Getenv("PCAPLINE_SCREENSHOTS"); dir != "" {
		picture := do(t, tab, chromedp.FullScreenshot(90))
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("report-%d-%s.jpg", width, scheme)), picture, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// do takes a step in a tab.
func do[T any](t *testing.T, tab context.Context, step chromedp.Action[T]) T {
	t.Helper()
	v, err := chromedp.Run(tab, step)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// call sends a command of the DevTools protocol.
func call[P, R any](t *testing.T, tab context.Context, command cdp.Command[P, R], params P) {
	t.Helper()
	if _, err := chromedp.Call(tab, command, params); err != nil {
		t.Fatal(err)
	}
}

// listen notes every request of a tab, and everything that it writes to its
// console.
func listen(t *testing.T, tab context.Context) (told func() []string) {
	t.Helper()
	var mu sync.Mutex
	var lines []string
	note := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, fmt.Sprintf(format, args...))
	}
	err := chromedp.Listen(tab, func(event any) {
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			note("request %s", e.Request.URL)
		case *log.EventEntryAdded:
			note("console %s: %s", e.Entry.Level, e.Entry.Text)
		case *runtime.EventConsoleAPICalled:
			note("console %s", e.Type)
		case *runtime.EventExceptionThrown:
			note("exception %s", e.ExceptionDetails.Text)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return lines
	}
}

// brightness is the sum of a colour's parts.
func brightness(t *testing.T, colour string) int {
	t.Helper()
	var r, g, b int
	if _, err := fmt.Sscanf(strings.ReplaceAll(colour, " ", ""), "rgb(%d,%d,%d)", &r, &g, &b); err != nil {
		t.Fatalf("%s is no colour: %v", colour, err)
	}
	return r + g + b
}
