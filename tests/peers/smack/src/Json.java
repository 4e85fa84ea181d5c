import java.util.Iterator;

/** Writes events; the values are texts only. */
final class Json {
    private Json() {}

    /** Prints one event of these names and values, in turn. */
    static synchronized void say(String... namesAndValues) {
        var line = new StringBuilder("{");
        for (int at = 0; at < namesAndValues.length; at += 2) {
            line.append(at == 0 ? "" : ",").append(quote(namesAndValues[at]));
            line.append(':').append(quote(namesAndValues[at + 1]));
        }
        System.out.println(line.append('}'));
        System.out.flush();
    }

    /** Texts joined by blanks. */
    static String words(Iterator<?> values) {
        var line = new StringBuilder();
        while (values.hasNext()) {
            line.append(line.isEmpty() ? "" : " ").append(values.next());
        }
        return line.toString();
    }

    private static String quote(String text) {
        var quoted = new StringBuilder("\"");
        for (char letter : String.valueOf(text).toCharArray()) {
            if (letter == '"' || letter == '\\') {
                quoted.append('\\').append(letter);
            } else if (letter < ' ') {
                quoted.append(String.format("\\u%04x", (int) letter));
            } else {
                quoted.append(letter);
            }
        }
        return quoted.append('"').toString();
    }
}
