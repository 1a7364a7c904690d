// Package storetest runs an S3 server for tests: versitygw, a server that
// others wrote, which checks signatures, checksums and preconditions as
// Amazon's does. `make tools` builds it.
package storetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Bucket is the name of the bucket that a [Server] has.
const Bucket = "pcapline-test"

// AccessKey and SecretKey are the server's credentials. The secret is one that
// a test can look for where it must not be.
const (
	AccessKey = "test-access-key"
	SecretKey = "test-secret-5e0c1d9a"
)

// Server is a running S3 server with one empty bucket.
type Server struct {
	Endpoint string // "http://127.0.0.1:port", or https
	Dir      string // where the bucket's objects lie as files
	CA       string // the file with the server's certificate; "" without TLS
}

// Start runs a server until the test ends, and sets the environment so that
// s3://pcapline-test reaches it. The test is skipped where there is no server.
func Start(t testing.TB, withTLS bool) *Server {
	t.Helper()
	program := find(t)
	root := t.TempDir()
	s := &Server{Dir: filepath.Join(root, "data", Bucket)}
	for _, dir := range []string{s.Dir, filepath.Join(root, "meta")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	addr := freeAddress(t)
	args := []string{"--port", addr, "--quiet"}
	s.Endpoint = "http://" + addr
	if withTLS {
		cert, key := certificate(t, root)
		args = append(args, "--cert", cert, "--key", key)
		s.Endpoint, s.CA = "https://"+addr, cert
	}
	args = append(args, "posix", "--sidecar", filepath.Join(root, "meta"), filepath.Join(root, "data"))
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+AccessKey, "ROOT_SECRET_KEY="+SecretKey)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	waitFor(t, addr)
	s.setEnv(t)
	return s
}

func (s *Server) setEnv(t testing.TB) {
	for key, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": AccessKey, "AWS_SECRET_ACCESS_KEY": SecretKey, "AWS_SESSION_TOKEN": "",
		"AWS_ENDPOINT_URL_S3": s.Endpoint, "AWS_REGION": "us-east-1", "AWS_CA_BUNDLE": s.CA,
	} {
		t.Setenv(key, value)
	}
}

// find looks for the server in PCAPLINE_VERSITYGW, then in the module's .tools.
func find(t testing.TB) string {
	if path := os.Getenv("PCAPLINE_VERSITYGW"); path != "" {
		return path
	}
	dir, err := os.Getwd()
	for err == nil && dir != filepath.Dir(dir) {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			path := filepath.Join(dir, ".tools", "versitygw")
			if _, err := os.Stat(path); err == nil {
				return path
			}
			break
		}
		dir = filepath.Dir(dir)
	}
	t.Skip("no S3 server: make tools builds .tools/versitygw")
	return ""
}

func freeAddress(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func waitFor(t testing.TB, addr string) {
	for range 600 {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("the S3 server at %s does not answer", addr)
}

// certificate makes one that signs itself, for 127.0.0.1.
func certificate(t testing.TB, dir string) (certFile, keyFile string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}

// Secrets reports which of the credentials text holds.
func Secrets(text string) (found []string) {
	for _, s := range []string{AccessKey, SecretKey} {
		if strings.Contains(text, s) {
			found = append(found, s)
		}
	}
	return found
}
