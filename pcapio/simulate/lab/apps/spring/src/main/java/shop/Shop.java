package shop;

import java.nio.file.Path;
import java.util.List;
import javax.sql.DataSource;
import org.h2.jdbcx.JdbcConnectionPool;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.web.embedded.tomcat.TomcatServletWebServerFactory;
import org.springframework.boot.web.server.WebServerFactoryCustomizer;
import org.springframework.context.annotation.Bean;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.DriverManagerDataSource;

/** A small shop on Spring with the mistakes that scanners look for. For labs only. */
@SpringBootApplication
public class Shop {
    static final List<String> ITEMS = List.of("lamp", "chair", "table", "shelf", "clock", "vase", "mirror", "carpet", "stool", "frame");
    private static final String URL = "jdbc:h2:mem:shop";

    public static void main(String[] args) {
        SpringApplication.run(Shop.class, args);
    }

    /** Tomcat listens where nginx looks for it: on a socket in the folder of the shop. */
    @Bean
    WebServerFactoryCustomizer<TomcatServletWebServerFactory> socket(@Value("${shop.home}") Path home) {
        return factory -> factory.addConnectorCustomizers(
                connector -> connector.setProperty("unixDomainSocketPath", home.resolve("app.sock").toString()));
    }

    /** The shop's user is no administrator: what is put into its queries can neither read files nor run programs. */
    @Bean
    DataSource database() {
        JdbcTemplate admin = new JdbcTemplate(new DriverManagerDataSource(URL, "sa", "lab"));
        admin.execute("set db_close_delay -1"); // it outlives this connection
        admin.execute("create table items (number integer primary key, name varchar, price integer)");
        admin.execute("create table comments (text varchar)");
        for (int n = 0; n < ITEMS.size(); n++) {
            admin.update("insert into items values (?, ?, ?)", n, ITEMS.get(n), 10 + 7 * n);
        }
        admin.execute("create user shop password 'lab'");
        admin.execute("grant select, insert on schema public to shop");
        return JdbcConnectionPool.create(URL, "shop", "lab");
    }
}
