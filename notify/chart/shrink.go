package chart

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
)

// shrink writes a picture with a palette, which makes it a third as large: chats have small
// limits. The colours are those of the chart and what smooths their edges; where there are more
// than a palette holds, neighbours share one.
func shrink(data []byte) ([]byte, error) {
	from, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	bounds := from.Bounds()
	to := image.NewPaletted(bounds, nil)
	index := map[color.RGBA]uint8{}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			c := coarse(from.At(x, y))
			i, ok := index[c]
			if !ok {
				if len(to.Palette) == 256 {
					i = uint8(to.Palette.Index(c))
				} else {
					i = uint8(len(to.Palette))
					to.Palette = append(to.Palette, c)
				}
				index[c] = i
			}
			to.SetColorIndex(x, y, i)
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, to); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// coarse keeps 16 steps of each part of a colour, white being white.
func coarse(c color.Color) color.RGBA {
	r, g, b, _ := c.RGBA()
	step := func(v uint32) uint8 { return uint8(min((v>>8+8)/17*17, 255)) }
	return color.RGBA{step(r), step(g), step(b), 255}
}
