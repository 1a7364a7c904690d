package lab

import (
	"context"
	"crypto/sha256"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

//go:embed apps
var apps embed.FS

// Apps are the web applications that there are scenarios for.
var Apps = names(frameworks)

// A framework is what an application is made with. It has a server in Python,
// or is built, or both: then what is built are its pages.
type framework struct {
	name   string
	python string   // its server in apps, which gunicorn runs
	pip    []string // what that needs
	build  *build
	dbms   string // its database, as sqlmap names it
}

// A build makes something of a framework's folder in apps.
type build struct {
	tools    []Tool
	files    map[string]string // from apps, beside those of the folder
	commands [][]string
	product  string // what they make
}

var (
	flask = []string{"Flask==3.1.3", "gunicorn==27.0.1"}
	vite  = &build{
		tools:    []Tool{{"npm", "npm"}},
		files:    map[string]string{"src/api.js": "api.js"},
		commands: [][]string{words("npm ci --no-audit --no-fund --ignore-scripts"), words("npm run build")},
		product:  "dist",
	}
	maven = &build{
		tools:    []Tool{{"mvn", "maven"}, {"javac", "default-jdk-headless"}},
		commands: [][]string{words("mvn -q -B package")},
		product:  "target/shop.jar",
	}
)

var frameworks = []framework{
	{name: "django", python: "django_app.py", pip: []string{"Django==5.2.19", "gunicorn==27.0.1"}, dbms: "sqlite"},
	{name: "flask", python: "flask_app.py", pip: flask, dbms: "sqlite"},
	{name: "react", python: "shop_api.py", pip: flask, build: vite, dbms: "sqlite"},
	{name: "vue", python: "shop_api.py", pip: flask, build: vite, dbms: "sqlite"},
	{name: "spring", build: maven, dbms: "h2"},
}

func names(of []framework) (all []string) {
	for _, f := range of {
		all = append(all, f.name)
	}
	return all
}

func frameworkOf(app string) (*framework, error) {
	i := slices.IndexFunc(frameworks, func(f framework) bool { return f.name == app })
	if i < 0 {
		return nil, fmt.Errorf("no application %q; there are %s", app, strings.Join(Apps, ", "))
	}
	return &frameworks[i], nil
}

// singlePage says whether the pages are built, and the server sends what they
// show.
func (f *framework) singlePage() bool { return f.build != nil && f.python != "" }

// gunicorn is where the server in Python lies below cache.
func (f *framework) gunicorn(cache string) string {
	return filepath.Join(cache, f.name, "bin", "gunicorn")
}

// product is where what was built lies below cache. Other sources give another
// place, so that nothing stale is ever served.
func (f *framework) product(cache string) string {
	h := sha256.New()
	for _, name := range f.sources() {
		text, _ := apps.ReadFile(name) // it is in the program
		fmt.Fprintf(h, "%s %d\n%s", name, len(text), text)
	}
	return filepath.Join(cache, f.name, fmt.Sprintf("built-%x", h.Sum(nil)[:6]), path.Base(f.build.product))
}

// sources are the names in apps of what is built.
func (f *framework) sources() (names []string) {
	for _, from := range f.build.files {
		names = append(names, "apps/"+from)
	}
	_ = fs.WalkDir(apps, "apps/"+f.name, func(name string, d fs.DirEntry, err error) error { // it is in the program
		if err == nil && !d.IsDir() {
			names = append(names, name)
		}
		return err
	})
	slices.Sort(names)
	return names
}

// InstallApp installs an application below cache: a virtual environment by
// python3 and pip, pages by npm, a jar by Maven. What they say is in the error.
func InstallApp(ctx context.Context, app, cache string) error {
	f, err := frameworkOf(app)
	if err != nil {
		return err
	}
	if f.build != nil {
		if err := missing(f.build.tools); err != nil {
			return fmt.Errorf("install %s: %w", app, err)
		}
	}
	dir := filepath.Join(cache, app)
	if f.python != "" {
		err = f.run(ctx, "", [][]string{
			{"python3", "-m", "venv", "--clear", dir},
			append([]string{filepath.Join(dir, "bin", "pip"), "install", "--quiet", "--disable-pip-version-check"}, f.pip...),
		})
	}
	if err == nil && f.build != nil {
		err = f.make(ctx, filepath.Join(dir, "build"), f.product(cache))
	}
	return err
}

// make builds in a folder of its own, which goes away, and moves the product to
// its place once it is whole. What older sources gave goes away, too.
func (f *framework) make(ctx context.Context, dir, product string) error {
	if err := f.writeSources(dir); err != nil {
		return err
	}
	if err := f.run(ctx, dir, f.build.commands); err != nil {
		return err
	}
	stale, err := filepath.Glob(filepath.Join(filepath.Dir(dir), "built-*"))
	if err != nil {
		return err
	}
	for _, path := range stale {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(product), 0o755); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(dir, filepath.FromSlash(f.build.product)), product); err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

// writeSources writes what is built into a new folder.
func (f *framework) writeSources(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	for _, name := range f.sources() {
		text, err := apps.ReadFile(name)
		if err != nil {
			return err
		}
		to := filepath.Join(dir, f.placeOf(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(to, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// placeOf is where a source lies in the folder that is built in.
func (f *framework) placeOf(name string) string {
	for to, from := range f.build.files {
		if name == "apps/"+from {
			return filepath.FromSlash(to)
		}
	}
	return filepath.FromSlash(strings.TrimPrefix(name, "apps/"+f.name+"/"))
}

// run runs commands one after another in a folder.
func (f *framework) run(ctx context.Context, dir string, commands [][]string) error {
	for _, command := range commands {
		cmd := exec.CommandContext(ctx, command[0], command[1:]...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("install %s: %s: %w: %s", f.name, strings.Join(command, " "), err, tailOf(out))
		}
	}
	return nil
}

// AppInstalled says whether an application is there.
func AppInstalled(app, cache string) bool {
	f, err := frameworkOf(app)
	if err != nil {
		return false
	}
	there := func(path string) bool {
		_, err := os.Stat(path)
		return err == nil
	}
	return (f.python == "" || there(f.gunicorn(cache))) && (f.build == nil || there(f.product(cache)))
}
