package train

import (
	"errors"
	"fmt"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"
)

// ParseConfig reads a configuration in YAML or JSON, which is YAML too. What
// it does not name has its default. Keys that it does not know are an error
// with their line: a misspelt one would silently do nothing.
func ParseConfig(text []byte) (c Config, err error) {
	defer func() { // go-yaml 1.19 panics on tags that do not fit, as in "hidden: !x 1"
		if r := recover(); r != nil {
			err = fmt.Errorf("training configuration: not readable as YAML: %v", r)
		}
	}()
	c = Config{}.WithDefaults()
	c.Hidden = nil // or it would stand beside layers
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return c, configError(err)
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return c, fmt.Errorf("training configuration: one document with an object is wanted, there are %d", len(file.Docs))
	}
	if err := yaml.NodeToValue(file.Docs[0].Body, &c, yaml.Strict()); err != nil {
		return c, configError(err)
	}
	if c.Layers == nil && c.Hidden == nil {
		c.Hidden = Config{}.WithDefaults().Hidden
	}
	return c, c.Check()
}

func configError(err error) error {
	var ye yaml.Error
	if errors.As(err, &ye) && ye.GetToken() != nil {
		return fmt.Errorf("training configuration: line %d: %s", ye.GetToken().Position.Line, ye.GetMessage())
	}
	return fmt.Errorf("training configuration: %w", err)
}
