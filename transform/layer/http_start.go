package layer

import "bytes"

// isHTTP reports whether b begins with the first line of an HTTP/1 message:
// a status line, or a method, a target and a version. Of a request line that
// the segment cuts, the method must be a usual one and the target look like
// one.
func isHTTP(b []byte) bool {
	if hasPrefix(b, "HTTP/") {
		return isStatusLine(b)
	}
	const maxMethod = 32
	n := 1
	for n < len(b) && n <= maxMethod && isTokenByte(b[n]) {
		n++
	}
	if n >= len(b)-1 || b[n] != ' ' || n > maxMethod {
		return false
	}
	line, _, whole := cutLine(b)
	if !whole {
		return httpMethod(b[:n]) != "" && (b[n+1] == '/' || b[n+1] == '*' || hasPrefix(b[n+1:], "http"))
	}
	at := bytes.LastIndexByte(line, ' ')
	return at > n && isHTTPVersion(line[at+1:])
}

func isHTTPVersion(b []byte) bool {
	return len(b) == 8 && hasPrefix(b, "HTTP/") && isDigit(b[5]) && b[6] == '.' && isDigit(b[7])
}

// isStatusLine reports whether b begins as HTTP/1.1 200 does.
func isStatusLine(b []byte) bool {
	return len(b) >= 12 && isHTTPVersion(b[:8]) && b[8] == ' ' && isDigit(b[9]) && isDigit(b[10]) && isDigit(b[11]) &&
		(len(b) == 12 || b[12] == ' ' || b[12] == '\r' || b[12] == '\n')
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// isTokenByte reports whether c may stand in a method (RFC 9110, 5.6.2).
func isTokenByte(c byte) bool { return tokenBytes[c] }

var tokenBytes = func() (t [256]bool) {
	for c := range t {
		t[c] = isAlphanumeric(byte(c))
	}
	for _, c := range "!#$%&'*+-.^_`|~" {
		t[c] = true
	}
	return t
}()

// httpMethod gives a usual method as a string that is not made anew, "" for
// others.
func httpMethod(b []byte) string {
	switch string(b) {
	case "GET":
		return "GET"
	case "POST":
		return "POST"
	case "HEAD":
		return "HEAD"
	case "PUT":
		return "PUT"
	case "DELETE":
		return "DELETE"
	case "OPTIONS":
		return "OPTIONS"
	case "CONNECT":
		return "CONNECT"
	case "TRACE":
		return "TRACE"
	case "PATCH":
		return "PATCH"
	}
	return ""
}
