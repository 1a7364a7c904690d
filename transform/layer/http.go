package layer

import (
	"bytes"
	"strconv"

	"github.com/pcapline/pcapline/transform/schema"
)

// HTTP is a message of HTTP/1 whose start is the start of a segment: the
// first line, and those header fields that are whole in the segment.
type HTTP struct {
	schema.Layer `name:"http" title:"Hypertext Transfer Protocol, version 1" source:"RFC 9112"`

	Method   schema.Optional[schema.Text] `name:"http_method" ws:"http.request.method" store:"dict" source:"RFC 9110, 9" doc:"Method of a request; null in responses. Only segments that begin with a message have HTTP columns, since streams are not reassembled."`
	Target   schema.Optional[schema.Text] `name:"http_target" ws:"http.request.uri" role:"payload" source:"RFC 9112, 3.2" doc:"Request target as sent, mostly a path with a query; bytes that do not print and backslashes are written \\DDD, as in all texts of this layer. Null where the segment ends before the target does."`
	Version  schema.Optional[schema.Text] `name:"http_version" ws:"http.request.version" store:"dict" source:"RFC 9112, 2.3" doc:"Version in the first line: HTTP/1.1."`
	Status   schema.Optional[uint16]      `name:"http_status" ws:"http.response.code" store:"dict" source:"RFC 9110, 15" doc:"Status code of a response; null in requests."`
	Reason   schema.Optional[schema.Text] `name:"http_reason" ws:"http.response.phrase" role:"payload" store:"dict" source:"RFC 9112, 4" doc:"Reason phrase of a response."`
	Fields   schema.Values[uint16]        `name:"http_field_count" source:"RFC 9112, 5" doc:"Header fields that are whole in the segment."`
	Complete schema.Values[bool]          `name:"http_header_complete" source:"RFC 9112, 2.1" doc:"The header's end is in the segment."`

	Host             schema.Optional[schema.Text] `name:"http_host" ws:"http.host" role:"payload" store:"dict" source:"RFC 9110, 7.2" doc:"Host field. Of a field that comes twice the first counts, here and below."`
	UserAgent        schema.Optional[schema.Text] `name:"http_user_agent" ws:"http.user_agent" role:"payload" store:"dict" source:"RFC 9110, 10.1.5" doc:"User-Agent field."`
	Referer          schema.Optional[schema.Text] `name:"http_referer" ws:"http.referer" role:"payload" source:"RFC 9110, 10.1.3" doc:"Referer field."`
	ContentType      schema.Optional[schema.Text] `name:"http_content_type" ws:"http.content_type" store:"dict" source:"RFC 9110, 8.3" doc:"Content-Type field."`
	ContentLength    schema.Optional[int64]       `name:"http_content_length" ws:"http.content_length" unit:"B" source:"RFC 9110, 8.6" doc:"Content-Length field; null where it is not a number."`
	TransferEncoding schema.Optional[schema.Text] `name:"http_transfer_encoding" ws:"http.transfer_encoding" store:"dict" source:"RFC 9112, 6.1" doc:"Transfer-Encoding field."`
	Server           schema.Optional[schema.Text] `name:"http_server" ws:"http.server" role:"payload" store:"dict" source:"RFC 9110, 10.2.4" doc:"Server field."`
}

// Reached says what leads to an HTTP message: its first line, at any port.
func (*HTTP) Reached() []Key { return []Key{contentHTTP} }

// maxHTTPFields bounds the header fields that are looked at.
const maxHTTPFields = 1024

// Decode takes the first line and the header fields.
func (h *HTTP) Decode(d *Decoder, b []byte) (Key, []byte) {
	h.Mark(d.Row)
	line, rest, whole := cutLine(b)
	if hasPrefix(b, "HTTP/") {
		h.decodeStatusLine(d, line)
	} else {
		h.decodeRequestLine(d, line, whole)
	}
	n, complete := 0, false
	for whole && n < maxHTTPFields {
		if line, rest, whole = cutLine(rest); !whole {
			break
		}
		if complete = len(line) == 0; complete {
			break
		}
		h.decodeField(d, line)
		n++
	}
	h.Fields.Append(uint16(n))
	h.Complete.Append(complete)
	h.tell(d)
	return 0, nil
}

// cutLine gives the line at the front of b without its end, which is CRLF or
// a bare LF (RFC 9112, 2.2), what is behind it, and whether it is whole.
func cutLine(b []byte) (line, rest []byte, whole bool) {
	line, rest, whole = bytes.Cut(b, []byte{'\n'})
	if whole && len(line) > 0 && line[len(line)-1] == '\r' {
		line = line[:len(line)-1]
	}
	return line, rest, whole
}

// decodeRequestLine takes method, target and version, between which there is
// one space. Clients that attack send targets with spaces in them.
func (h *HTTP) decodeRequestLine(d *Decoder, line []byte, whole bool) {
	method, rest, _ := bytes.Cut(line, []byte{' '})
	h.Method.Set(d.Row, schema.Text(method)) // isHTTP saw that it is a token
	if !whole {
		return
	}
	at := bytes.LastIndexByte(rest, ' ')
	h.Target.Set(d.Row, d.Printable(rest[:at]))
	h.Version.Set(d.Row, schema.Text(rest[at+1:]))
}

// decodeStatusLine takes version, status code and reason phrase.
func (h *HTTP) decodeStatusLine(d *Decoder, line []byte) {
	version, rest, _ := bytes.Cut(line, []byte{' '})
	h.Version.Set(d.Row, schema.Text(version))
	h.Status.Set(d.Row, uint16(rest[0]-'0')*100+uint16(rest[1]-'0')*10+uint16(rest[2]-'0'))
	if len(rest) > 4 {
		h.Reason.Set(d.Row, d.Printable(rest[4:]))
	}
}

// decodeField takes a header field; those that are no column are passed over,
// and so are lines that continue the one before (RFC 9112, 5.2).
func (h *HTTP) decodeField(d *Decoder, line []byte) {
	if line[0] == ' ' || line[0] == '\t' {
		return
	}
	name, value, ok := bytes.Cut(line, []byte{':'})
	if !ok || len(name) == 0 {
		d.Note("header line without a colon")
		return
	}
	value = bytes.Trim(value, " \t")
	if column := h.column(name); column != nil {
		if !column.Has(d.Row) {
			column.Set(d.Row, d.Printable(value))
		}
	} else if equalFold(name, "content-length") && !h.ContentLength.Has(d.Row) {
		n, err := strconv.ParseUint(string(value), 10, 63)
		if err != nil {
			d.Note("Content-Length is no number")
			return
		}
		h.ContentLength.Set(d.Row, int64(n))
	}
}

// column is where a field of that name belongs; nil: nowhere.
func (h *HTTP) column(name []byte) *schema.Optional[schema.Text] {
	switch {
	case equalFold(name, "host"):
		return &h.Host
	case equalFold(name, "server"):
		return &h.Server
	case equalFold(name, "referer"):
		return &h.Referer
	case equalFold(name, "user-agent"):
		return &h.UserAgent
	case equalFold(name, "content-type"):
		return &h.ContentType
	case equalFold(name, "transfer-encoding"):
		return &h.TransferEncoding
	}
	return nil
}

// equalFold compares a name with one in lower case.
func equalFold(name []byte, lower string) bool {
	if len(name) != len(lower) {
		return false
	}
	for i, c := range name {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// tell gives the flow what the message says.
func (h *HTTP) tell(d *Decoder) {
	if !d.flows {
		return
	}
	app := d.app("http")
	if h.Status.Has(d.Row) {
		app.HTTPStatus = last(h.Status.V)
		return
	}
	method := last(h.Method.V)
	if app.HTTPMethod = httpMethod(method); app.HTTPMethod == "" {
		app.HTTPMethod = appText(method)
	}
	if h.Target.Has(d.Row) {
		app.HTTPURI = appText(last(h.Target.V))
	}
	if h.Host.Has(d.Row) {
		app.HTTPHost = appText(last(h.Host.V))
	}
	if h.UserAgent.Has(d.Row) {
		app.HTTPUserAgent = appText(last(h.UserAgent.V))
	}
}
