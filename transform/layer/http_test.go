package layer

import (
	"strings"
	"testing"

	"github.com/pcapline/pcapline/pcapio"
)

const request = "POST /a%20b?q=1 HTTP/1.1\r\nHost: www.example.com\r\nuser-agent:\tcurl/8.0 \r\nReferer: http://x/\r\n" +
	"Content-Type: text/plain\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello"

func TestHTTP(t *testing.T) {
	for _, c := range []struct {
		name, data string
		want       row
	}{
		{"request", request, row{
			"frame_protocols": "eth:ip:tcp:http", "http_method": "POST", "http_target": "/a%20b?q=1", "http_version": "HTTP/1.1", "http_status": "",
			"http_host": "www.example.com", "http_user_agent": "curl/8.0", "http_referer": "http://x/", "http_content_type": "text/plain",
			"http_content_length": "5", "http_transfer_encoding": "chunked", "http_server": "", "http_field_count": "6", "http_header_complete": "true", "decode_error": "",
		}},
		{"response", "HTTP/1.0 404 Not Found\nServer: x\nContent-Length: 0\n\n", row{
			"http_method": "", "http_version": "HTTP/1.0", "http_status": "404", "http_reason": "Not Found", "http_server": "x",
			"http_content_length": "0", "http_field_count": "2", "http_header_complete": "true",
		}},
		{"no reason", "HTTP/1.1 200\r\n\r\n", row{"http_status": "200", "http_reason": "", "http_header_complete": "true"}},
		{"a method of one's own", "QUUX * HTTP/1.1\r\n", row{"http_method": "QUUX", "http_target": "*", "http_header_complete": "false"}},
		{"a target with spaces", "GET /?q=' or 1=1 HTTP/1.1\r\n\r\n", row{"http_target": "/?q=' or 1=1", "http_version": "HTTP/1.1"}},
		{"bytes that do not print", "GET /\xff\\\x01\xc3\xa4 HTTP/1.1\r\n\r\n", row{"http_target": `/\255\092\001ä`}},
		{"cut in the target", "GET /aaaa", row{"http_method": "GET", "http_target": "", "http_version": "", "http_field_count": "0", "http_header_complete": "false", "decode_error": ""}},
		{"cut in a field", "GET / HTTP/1.1\r\nHost: a\r\nUser-Age", row{"http_host": "a", "http_user_agent": "", "http_field_count": "1", "http_header_complete": "false", "decode_error": ""}},
		{"the first of two", "GET / HTTP/1.1\r\nHost: a\r\nHOST: b\r\n\r\n", row{"http_host": "a", "http_field_count": "2"}},
		{"a line goes on", "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", row{"http_host": "a", "decode_error": ""}},
		{"no colon", "GET / HTTP/1.1\r\nHost\r\n\r\n", row{"http_host": "", "http_field_count": "1", "decode_error": "http: header line without a colon"}},
		{"a length that is none", "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", row{"http_content_length": "", "decode_error": "http: Content-Length is no number"}},
		{"the middle of a body", "GET is a word", row{"frame_protocols": "eth:ip:tcp", "http_method": ""}},
		{"another protocol's line", "GET key\r\n", row{"frame_protocols": "eth:ip:tcp"}},
		{"RTSP", "OPTIONS rtsp://x RTSP/1.0\r\n\r\n", row{"frame_protocols": "eth:ip:tcp"}},
		{"a status that is none", "HTTP/1.1 2000 OK\r\n", row{"frame_protocols": "eth:ip:tcp"}},
		{"too long a method", strings.Repeat("A", 40) + " / HTTP/1.1\r\n\r\n", row{"frame_protocols": "eth:ip:tcp"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _ := decodeOne(t, pcapio.LinkEthernet, overTCP(t, []byte(c.data)), 0)
			check(t, got, c.want)
		})
	}
}

func TestHTTPDigest(t *testing.T) {
	_, d := decodeOne(t, pcapio.LinkEthernet, overTCP(t, []byte(request)), 0)
	if a := d.App; a == nil || a.Name != "http" || a.HTTPMethod != "POST" || a.HTTPHost != "www.example.com" || a.HTTPURI != "/a%20b?q=1" || a.HTTPUserAgent != "curl/8.0" || a.HTTPStatus != 0 {
		t.Errorf("%+v", a)
	}
	long := "GET /" + strings.Repeat("ä", 600) + " HTTP/1.1\r\n\r\n"
	if _, d = decodeOne(t, pcapio.LinkEthernet, overTCP(t, []byte(long)), 0); d.App.HTTPURI != "/"+strings.Repeat("ä", 511) {
		t.Errorf("%d bytes of the target", len(d.App.HTTPURI))
	}
	if _, d = decodeOne(t, pcapio.LinkEthernet, overTCP(t, []byte("HTTP/1.1 302 Found\r\n")), 0); d.App.HTTPStatus != 302 {
		t.Errorf("%+v", d.App)
	}
}
