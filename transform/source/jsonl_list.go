package source

import (
	"fmt"
	"net/netip"

	"github.com/pcapline/pcapline/transform/schema"
)

// setList gives row of a list column the values, element by element, so that
// texts may hold anything.
func setList(c schema.Column, row int, values []jsonValue) error {
	switch c := c.(type) {
	case *schema.List[bool]:
		return parseList(c, row, values)
	case *schema.List[uint8]:
		return parseList(c, row, values)
	case *schema.List[uint16]:
		return parseList(c, row, values)
	case *schema.List[uint32]:
		return parseList(c, row, values)
	case *schema.List[int64]:
		return parseList(c, row, values)
	case *schema.List[float64]:
		return parseList(c, row, values)
	case *schema.List[schema.Micros]:
		return parseList(c, row, values)
	case *schema.List[schema.IPv4]:
		return parseList(c, row, values)
	case *schema.List[schema.IPv6]:
		return parseList(c, row, values)
	case *schema.List[schema.MAC]:
		return parseList(c, row, values)
	case *schema.List[netip.Addr]:
		return parseList(c, row, values)
	case *schema.List[schema.Text]:
		return parseList(c, row, values)
	case *schema.List[schema.Bytes]:
		return parseList(c, row, values)
	}
	return fmt.Errorf("column %s is no list", c.Field().Name)
}

func parseList[T schema.Value](c *schema.List[T], row int, values []jsonValue) error {
	list := make([]T, len(values))
	for i, v := range values {
		var err error
		if list[i], err = schema.Parse[T]([]byte(v.text)); err != nil {
			return fmt.Errorf("column %s: %w", c.Field().Name, err)
		}
	}
	c.Set(row, list...)
	return nil
}
