/* The words of the page's scripts in the person's language (studio/ui/page_words.py fills in both values). */
{
  const words = $WORDS;
  document.documentElement.lang = $LANGUAGE;
  window.likeness = {
    /* Return a text in that language, with values in its {places}. */
    tr: (text, values = {}) => (words[text] || text).replace(/\{(\w+)\}/g, (place, name) => values[name] ?? place),
  };
}
