package lab

import (
	"fmt"
	"strings"
)

// Debian's names of the tools that several entries use.
var (
	nmap   = Tool{"nmap", "nmap"}
	hping3 = Tool{"hping3", "hping3"}
	hydra  = Tool{"hydra", "hydra"}
	curl   = Tool{"curl", "curl"}
	ssh    = Tool{"ssh", "openssh-client"}
	dig    = Tool{"dig", "bind9-dnsutils"}
)

// Network is an office network: web, file, shell and name servers, users who
// browse, look names up, fetch files and log in, and twelve attacks.
func Network() Scenario {
	return Scenario{
		Name:    "network",
		Servers: []Server{nginx(), vsftpd(), sshd(), dnsmasq("www.lab.test", "files.lab.test", "shell.lab.test")},
		Attacks: networkAttacks(),
		Habits:  networkHabits(),
		Clients: 3,
	}
}

func networkAttacks() []Attack {
	return []Attack{
		{Label: "scan_sweep", Category: "recon", Tool: nmap, Protos: []string{"arp"},
			Command: words("nmap -n -sn {subnet}"), Clean: true},
		{Label: "scan_connect", Category: "recon", Tool: nmap, Target: "web", Protos: []string{"tcp"},
			Command: words("nmap -n -Pn -sT -T4 --top-ports 400 {target}"), Clean: true},
		{Label: "scan_syn", Category: "recon", Tool: nmap, Target: "web", Protos: []string{"tcp"},
			Command: words("nmap -n -Pn -sS -T4 --top-ports 600 {target}"), Clean: true},
		{Label: "scan_udp", Category: "recon", Tool: nmap, Target: "dns", Protos: []string{"udp", "icmp"},
			Command: words("nmap -n -Pn -sU -T4 --max-retries 1 --top-ports 40 {target}"), Clean: true},
		{Label: "scan_version", Category: "recon", Tool: nmap, Target: "web", Protos: []string{"tcp"},
			Command: words("nmap -n -Pn -sV -p 21,22,80 {target}"), Clean: true},
		{Label: "dos_syn_flood", Category: "dos", Tool: hping3, Target: "web", Protos: []string{"tcp"}, Port: 80,
			Command: words("hping3 -q -n -S -p 80 -c 2500 -i u800 {target}")},
		{Label: "dos_udp_flood", Category: "dos", Tool: hping3, Target: "dns", Protos: []string{"udp", "icmp"},
			Command: words("hping3 -q -n --udp -p 9999 -d 200 -c 2000 -i u800 {target}")},
		{Label: "dos_icmp_flood", Category: "dos", Tool: hping3, Target: "web", Protos: []string{"icmp"},
			Command: words("hping3 -q -n --icmp -d 400 -c 2000 -i u800 {target}")},
		{Label: "dos_slow_http", Category: "dos", Tool: Tool{"slowhttptest", "slowhttptest"}, Target: "web", Protos: []string{"tcp"}, Port: 80,
			Command: words("slowhttptest -H -c 80 -r 40 -i 2 -l {seconds} -u http://{target}/")},
		{Label: "brute_ssh", Category: "bruteforce", Tool: hydra, Target: "web", Protos: []string{"tcp"}, Port: 22,
			Command: words("hydra -I -t 4 -l admin -P {run}/passwords ssh://{target}")},
		{Label: "brute_ftp", Category: "bruteforce", Tool: hydra, Target: "web", Protos: []string{"tcp"}, Port: 21,
			Command: words("hydra -I -t 4 -l admin -P {run}/passwords ftp://{target}")},
		{Label: "web_dirbust", Category: "web", Tool: Tool{"wfuzz", "wfuzz"}, Target: "web", Protos: []string{"tcp"}, Port: 80,
			Command: words("wfuzz -c -t 10 --hc 404 -w {run}/passwords http://{target}/FUZZ"), Clean: true},
	}
}

func networkHabits() []Habit {
	return []Habit{
		{Name: "page", Weight: 30, Tool: curl, Command: words("curl -sS -o /dev/null -m 5 http://www.lab.test/page{n}.html")},
		{Name: "download", Weight: 6, Tool: curl, Command: words("curl -sS -o /dev/null -m 5 http://www.lab.test/big{n}.bin")},
		{Name: "dead link", Weight: 4, Tool: curl, Command: words("curl -sS -o /dev/null -m 5 http://www.lab.test/moved{n}.html")},
		{Name: "members' page", Weight: 5, Tool: curl, Command: words("curl -sS -o /dev/null -m 5 -u user:lab http://www.lab.test/members/page{n}.html")},
		{Name: "name", Weight: 20, Tool: dig, Command: words("dig +time=2 +tries=1 host{n}.lab.test")},
		{Name: "mail server's name", Weight: 5, Tool: dig, Command: words("dig +time=2 +tries=1 lab.test MX")},
		{Name: "file", Weight: 8, Tool: curl, Command: words("curl -sS -o /dev/null -m 5 ftp://files.lab.test/page{n}.html")},
		{Name: "login", Weight: 6, Tool: ssh, Command: append(words("ssh -n -F none -i {run}/user_key -o BatchMode=yes -o ConnectTimeout=4 "+
			"-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null root@shell.lab.test"), "uname -a; ls -l /usr/bin | head -n {n}0")},
		{Name: "ping", Weight: 6, Tool: Tool{"ping", "iputils-ping"}, Command: words("ping -n -c 3 -i 0.3 -W 1 {web}")},
	}
}

// words splits a command that has no spaces within its words.
func words(s string) []string { return strings.Fields(s) }

// pages are the web and file server's documents, of 0.3 to 30 KB, and larger
// files beside them.
func pages(below string) map[string]string {
	files := map[string]string{}
	for n := range drawnNumbers {
		files[fmt.Sprintf("%s/page%d.html", below, n)] = "<html><body>" + strings.Repeat(fmt.Sprintf("<p>Paragraph of page %d.</p>\n", n), 1+n*n*11) + "</body></html>\n"
		files[fmt.Sprintf("%s/big%d.bin", below, n)] = strings.Repeat(string(rune('A'+n)), 100_000+40_000*n)
	}
	return files
}

func nginx() Server {
	files := pages("www")
	for name, text := range pages("www/members") {
		files[name] = text
	}
	files["www/index.html"] = "<html><body>It is a lab.</body></html>\n"
	files["members"] = "user:{PLAIN}lab\n"
	files["nginx.conf"] = nginxConf("root {run}/www;\n    location /members/ { auth_basic members; auth_basic_user_file {run}/members; }", 80)
	return Server{Role: "web", Tool: Tool{"nginx", "nginx-light"}, Ports: []int{80}, Files: files, Command: words("nginx -c {run}/nginx.conf")}
}

// nginxConf is a server in the foreground that writes below {run} only.
func nginxConf(site string, port int) string {
	return fmt.Sprintf(`daemon off;
pid {run}/nginx.pid;
error_log stderr;
worker_processes 1;
user root;
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path {run}/nginx-body;
  proxy_temp_path {run}/nginx-proxy;
  fastcgi_temp_path {run}/nginx-fastcgi;
  uwsgi_temp_path {run}/nginx-uwsgi;
  scgi_temp_path {run}/nginx-scgi;
  server {
    listen %d;
    %s
  }
}
`, port, site)
}

func vsftpd() Server {
	files := pages("ftp")
	files["vsftpd.conf"] = `listen=YES
background=NO
anonymous_enable=YES
no_anon_password=YES
anon_root={run}/ftp
local_enable=YES
pam_service_name=vsftpd
secure_chroot_dir={run}/empty
seccomp_sandbox=NO
max_clients=50
`
	files["empty/.keep"] = ""
	return Server{Role: "web", Tool: Tool{"vsftpd", "vsftpd"}, Ports: []int{21}, Files: files, Command: words("vsftpd {run}/vsftpd.conf")}
}

func sshd() Server {
	return Server{
		Role: "web", Tool: Tool{"sshd", "openssh-server"}, Ports: []int{22},
		Files: map[string]string{
			"sshd_config": `HostKey {run}/host_key
AuthorizedKeysFile {run}/user_key.pub
StrictModes no
UsePAM no
PidFile none
PermitRootLogin yes
MaxStartups 50:30:100
`,
			"../sshd/.keep": "", // sshd's own folder for separated privileges
		},
		Prepare: [][]string{
			{"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "{run}/host_key"},
			{"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "{run}/user_key"},
		},
		Command: words("/usr/sbin/sshd -D -e -f {run}/sshd_config"),
	}
}

// dnsmasq answers for lab.test: the names given and host0 to host9 are the web
// server's address. It forwards nothing.
func dnsmasq(names ...string) Server {
	command := words("dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --user=root --pid-file= --log-facility=- " +
		"--local=/test/ --mx-host=lab.test,mail.lab.test,10 --host-record=mail.lab.test,{web}")
	for n := range drawnNumbers {
		names = append(names, fmt.Sprintf("host%d.lab.test", n))
	}
	for _, n := range names {
		command = append(command, "--host-record="+n+",{web}")
	}
	return Server{Role: "dns", Tool: Tool{"dnsmasq", "dnsmasq-base"}, Ports: []int{53}, Command: command}
}
