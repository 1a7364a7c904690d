package train

import (
	"fmt"

	"github.com/pcapline/pcapline/features/strictyaml"
)

// ParseConfig reads a configuration in YAML or JSON, which is YAML too. What
// it does not name has its default. Keys that it does not know are an error
// with their line: a misspelt one would silently do nothing.
func ParseConfig(text []byte) (Config, error) {
	c := Config{}.WithDefaults()
	c.Hidden = nil // or it would stand beside layers
	file, err := strictyaml.Parse(text)
	if err != nil {
		return c, fmt.Errorf("training configuration: %w", err)
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return c, fmt.Errorf("training configuration: one document with an object is wanted, there are %d", len(file.Docs))
	}
	if err := strictyaml.Decode(file.Docs[0].Body, &c); err != nil {
		return c, fmt.Errorf("training configuration: %w", err)
	}
	if c.Layers == nil && c.Hidden == nil {
		c.Hidden = Config{}.WithDefaults().Hidden
	}
	return c, c.Check()
}
