package shop;

import jakarta.servlet.http.HttpSession;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.dao.DataAccessException;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/** The shop's pages, which are those of the other shops. */
@RestController
public class Pages {
    private static final String LOGIN = "<form method=\"post\" action=\"/login\"><input name=\"user\">"
            + "<input name=\"password\" type=\"password\"><button>Log in</button></form>";

    private final JdbcTemplate database;
    private final Path root;

    Pages(JdbcTemplate database, @Value("${shop.home}") Path home) {
        this.database = database;
        this.root = home.resolve("root");
    }

    @GetMapping("/")
    ResponseEntity<String> index() {
        StringBuilder body = new StringBuilder("<ul>");
        for (int n = 0; n < Shop.ITEMS.size(); n++) {
            body.append("<li><a href=\"/items/").append(n).append("\">").append(Shop.ITEMS.get(n)).append("</a></li>");
        }
        body.append("</ul><form action=\"/search\"><input name=\"q\"><button>Search</button></form>")
                .append("<form action=\"/hello\"><input name=\"name\"><button>Greet</button></form>")
                .append("<a href=\"/file?name=terms.txt\">Terms</a> <a href=\"/login\">Log in</a>")
                .append("<form method=\"post\" action=\"/comments\"><input name=\"text\"><button>Comment</button></form>");
        return page(HttpStatus.OK, body.toString());
    }

    @GetMapping("/items/{number}")
    ResponseEntity<String> item(@PathVariable int number) {
        List<String> found = database.query("select name, price from items where number = ?",
                (row, n) -> row.getString(1) + ": " + row.getInt(2), number);
        return page(HttpStatus.OK, found.isEmpty() ? "sold out" : found.get(0));
    }

    /** The mistake on purpose: the words become part of the query, and of the page. */
    @GetMapping("/search")
    ResponseEntity<String> search(@RequestParam(defaultValue = "") String q) {
        List<String> found = database.queryForList(
                "select name || ' (' || price || ')' from items where name like '%" + q + "%'", String.class);
        return page(HttpStatus.OK, "You looked for " + q + ": " + String.join(", ", found));
    }

    @ExceptionHandler
    ResponseEntity<String> failed(DataAccessException error) {
        return page(HttpStatus.INTERNAL_SERVER_ERROR, "Database error: " + error.getMostSpecificCause());
    }

    @GetMapping("/hello")
    ResponseEntity<String> hello(@RequestParam(defaultValue = "") String name) {
        return page(HttpStatus.OK, "Hello " + name + "!");
    }

    /**
     * The mistake on purpose: the name may lead out of the folder of texts. It does not lead out of a made-up root, so
     * that no file of this machine gets into a capture.
     */
    @GetMapping("/file")
    ResponseEntity<String> file(@RequestParam(defaultValue = "") String name) {
        try {
            Path inside = Path.of("/texts").resolve(name).normalize();
            return page(HttpStatus.OK, Files.readString(root.resolve(inside.toString().substring(1))));
        } catch (IOException | InvalidPathException error) {
            return page(HttpStatus.NOT_FOUND, "No file: " + error.getMessage());
        }
    }

    @GetMapping("/login")
    ResponseEntity<String> login() {
        return page(HttpStatus.OK, LOGIN);
    }

    @PostMapping("/login")
    ResponseEntity<String> login(@RequestParam(defaultValue = "") String user, @RequestParam(defaultValue = "") String password, HttpSession session) {
        if (!user.equals("customer") || !password.equals("lab")) {
            return page(HttpStatus.FORBIDDEN, "wrong name or password" + LOGIN);
        }
        session.setAttribute("user", user);
        return home();
    }

    @PostMapping("/comments")
    ResponseEntity<String> comment(@RequestParam(defaultValue = "") String text) {
        database.update("insert into comments values (?)", text);
        return home();
    }

    private static ResponseEntity<String> home() {
        return ResponseEntity.status(HttpStatus.FOUND).header("Location", "/").build();
    }

    private static ResponseEntity<String> page(HttpStatus status, String body) {
        return ResponseEntity.status(status).contentType(MediaType.TEXT_HTML)
                .body("<!doctype html><title>Shop</title><body><h1>Shop</h1>" + body + "</body>");
    }
}
