package layer

import "github.com/pcapline/pcapline/transform/schema"

// maxChains bounds the memory of [chains]; real captures have some dozens.
const maxChains = 4096

// chains gives the text of a packet's chain of protocols, "eth:ip:tcp", and
// makes it once for each distinct chain.
type chains struct {
	names    []string
	last     [MaxDepth]uint8
	lastText schema.Text
	texts    map[[MaxDepth]uint8]schema.Text
}

func (c *chains) text(d *Decoder) schema.Text {
	if c.lastText != nil && d.chain == c.last {
		return c.lastText
	}
	text, ok := c.texts[d.chain]
	if !ok {
		text = schema.Text{}
		for i, p := range d.chain[:d.depth] {
			if i > 0 {
				text = append(text, ':')
			}
			text = append(text, c.names[p-1]...)
		}
		if c.texts == nil || len(c.texts) == maxChains {
			c.texts = make(map[[MaxDepth]uint8]schema.Text)
		}
		c.texts[d.chain] = text
	}
	c.last, c.lastText = d.chain, text
	return text
}

// errorTexts counts decode errors and gives their text. Reasons are constants
// of this package, so there are few.
type errorTexts struct {
	names []string
	seen  map[errorKey]*errorCount
}

type errorKey struct {
	culprit int
	reason  string
}

type errorCount struct {
	text schema.Text
	n    int64
}

func (e *errorTexts) count(d *Decoder) schema.Text {
	k := errorKey{d.culprit, d.reason}
	c := e.seen[k]
	if c == nil {
		layer := "frame"
		if d.culprit >= 0 {
			layer = e.names[d.culprit]
		}
		c = &errorCount{text: schema.Text(layer + ": " + d.reason)}
		if e.seen == nil {
			e.seen = make(map[errorKey]*errorCount)
		}
		e.seen[k] = c
	}
	c.n++
	return c.text
}

func (e *errorTexts) take() map[string]int64 {
	out := make(map[string]int64)
	for _, c := range e.seen {
		if c.n > 0 {
			out[string(c.text)] = c.n
		}
		c.n = 0
	}
	return out
}
