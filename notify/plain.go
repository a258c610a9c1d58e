package notify

import "strings"

// Plain is the message as lines of text, the title left out, for channels without markup.
func (m Message) Plain() string {
	var parts []string
	if len(m.Lead) > 0 {
		parts = append(parts, strings.Join(m.Lead, "\n"))
	}
	for _, item := range m.Items {
		parts = append(parts, item.plain(item.Title != m.Title))
	}
	if m.More != "" {
		parts = append(parts, m.More)
	}
	var end []string
	for _, l := range m.Links {
		end = append(end, l.Name+": "+l.URL)
	}
	if m.Footer != "" {
		end = append(end, m.Footer)
	}
	if len(end) > 0 {
		parts = append(parts, strings.Join(end, "\n"))
	}
	return strings.Join(parts, "\n\n")
}

func (i Item) plain(titled bool) string {
	var list []string
	if titled {
		list = append(list, i.Title)
	}
	if i.Text != "" {
		list = append(list, i.Text)
	}
	for _, f := range i.Facts {
		list = append(list, f.Name+": "+f.Value)
	}
	if i.ListName != "" {
		list = append(list, i.ListName+":")
	}
	for _, text := range i.List {
		list = append(list, "- "+text)
	}
	for _, l := range i.Links {
		list = append(list, l.Name+": "+l.URL)
	}
	return strings.Join(list, "\n")
}
