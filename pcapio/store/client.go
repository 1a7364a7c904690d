package store

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// amazonHost is where buckets are when nothing else is said.
const amazonHost = "s3.amazonaws.com"

// newClient reaches the server of a bucket. The URL's query says endpoint and
// region where the environment does not.
func newClient(u *url.URL) (*minio.Client, error) {
	query := u.Query()
	for key := range query {
		if key != "endpoint" && key != "region" {
			return nil, fmt.Errorf("?%s: only endpoint and region may follow a bucket", key)
		}
	}
	endpoint, err := endpointOf(cmp.Or(query.Get("endpoint"), os.Getenv("AWS_ENDPOINT_URL_S3"), os.Getenv("AWS_ENDPOINT_URL")))
	if err != nil {
		return nil, err
	}
	secure := endpoint.Scheme == "https"
	transport, err := newTransport(secure)
	if err != nil {
		return nil, err
	}
	amazon := endpoint.Host == amazonHost
	opt := &minio.Options{
		Creds: credentialChain(amazon), Secure: secure, Transport: transport, TrailingHeaders: true,
		Region: cmp.Or(query.Get("region"), os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION")),
	}
	if !amazon {
		// Other servers seldom have a name for each bucket, and one region.
		opt.BucketLookup = minio.BucketLookupPath
		opt.Region = cmp.Or(opt.Region, "us-east-1")
	}
	return minio.New(endpoint.Host, opt)
}

func endpointOf(text string) (*url.URL, error) {
	if text == "" {
		return &url.URL{Scheme: "https", Host: amazonHost}, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.User != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("an endpoint is https://host:port, without credentials")
	}
	if u.Path != "" && u.Path != "/" || u.RawQuery != "" {
		return nil, fmt.Errorf("endpoint %s: a server has no path", u.Host)
	}
	return u, nil
}

// credentialChain looks where Amazon's tools look, in their order. Where none
// are found requests are not signed, as public buckets want it.
func credentialChain(amazon bool) *credentials.Credentials {
	chain := []credentials.Provider{&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}}
	role := os.Getenv("AWS_WEB_IDENTITY_TOKEN_FILE")+os.Getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")+os.Getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI") != ""
	if role || amazon && os.Getenv("AWS_EC2_METADATA_DISABLED") != "true" {
		// On a machine without a role nobody answers.
		chain = append(chain, &credentials.IAM{Client: &http.Client{Timeout: 3 * time.Second}})
	}
	return credentials.NewChainCredentials(chain)
}

func newTransport(secure bool) (*http.Transport, error) {
	t, err := minio.DefaultTransport(secure)
	bundle := os.Getenv("AWS_CA_BUNDLE")
	if err != nil || !secure || bundle == "" {
		return t, err
	}
	pem, err := os.ReadFile(bundle)
	if err != nil {
		return nil, fmt.Errorf("AWS_CA_BUNDLE: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("AWS_CA_BUNDLE: %s holds no certificate", bundle)
	}
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
	return t, nil
}
